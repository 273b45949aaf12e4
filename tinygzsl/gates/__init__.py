"""What decides between seen and unseen classes."""
