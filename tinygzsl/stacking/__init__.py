"""Methods put together: the router in front of a baseline."""
