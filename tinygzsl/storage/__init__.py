"""Files written whole or not at all, with checksums and locks.

Nothing here knows a model: arrays and text come in, arrays and text go out.
"""
