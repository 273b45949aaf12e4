"""A mutation fuzzer over every reader: bases, mutations, and what must hold of each case.

A case is a function of (reader, seed, index): `case.run` makes it again at any time.
"""
