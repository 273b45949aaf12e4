"""Gates, which decide between seen and unseen classes."""
