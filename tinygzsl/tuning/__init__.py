"""Choosing settings by validation on pseudo-unseen classes."""
