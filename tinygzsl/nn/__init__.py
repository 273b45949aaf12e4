"""Layers, losses, Adam and random numbers, with forward and backward passes by hand."""
