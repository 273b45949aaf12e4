"""Adversarial cases: hostile layouts, labels, names, files, options, folders and output paths.

Every case is a function of (family, seed, index), has an expectation that is checked, and works in
a temporary folder of its own. The package is used by bench/attack.py and tests/bench/.
"""
