"""Files that are written completely or not at all, with checksums and locks.

The modules know arrays and text only, not models.
"""
