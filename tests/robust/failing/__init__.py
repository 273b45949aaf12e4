"""What a system can refuse: memory for an array, and each step of writing a file."""
