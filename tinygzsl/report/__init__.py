"""A run as one HTML page, and its charts."""
