"""Make the embedded letters dataset from UCI's letter data; deterministic.

    python tests/datasets/pack_letters.py letter.dat tinygzsl/datasets/letters/letters.npz

letter.dat has 20,000 lines of 16 integers 0..15 and a capital letter, separated by commas. The
program splits off 20% of every seen letter for testing, drops those of them that repeat a
training row, sorts by letter (keeping the file's order within one) and stores 4 bits a value.
"""

import sys
from pathlib import Path

import numpy as np

SEED = 0
HELD_OUT = 0.2
UNSEEN = "BGHLOR"
VALUES = 16


def read(path):
    """Values (n, 16) as uint8 and letters (n,) of letter.dat."""
    rows = [line.split(",") for line in Path(path).read_text("ascii").split()]
    letters = np.array([row[-1] for row in rows])
    values = np.array([row[:-1] for row in rows]).astype(int)
    if values.shape[1:] != (VALUES,) or values.min() < 0 or values.max() > 15:
        raise ValueError(f"{path} has shape {values.shape}, range {values.min()}..{values.max()}")
    return values.astype(np.uint8), letters


def split(values, letters):
    """Row numbers (train, test, dropped), each sorted by letter."""
    random = np.random.RandomState(SEED)  # NumPy promises its stream for all versions
    train, held_out, unseen = [], [], []
    for letter in np.unique(letters):
        rows = np.flatnonzero(letters == letter)
        if letter in UNSEEN:
            unseen.append(rows)
            continue
        out = random.permutation(len(rows)) < round(HELD_OUT * len(rows))
        train.append(rows[~out])
        held_out.append(rows[out])
    train, held_out = np.concatenate(train), np.concatenate(held_out)
    known = {row.tobytes() for row in values[train]}
    repeats = np.array([row.tobytes() in known for row in values[held_out]])
    return train, np.concatenate([held_out[~repeats], *unseen]), held_out[repeats]


def pack(values):
    """(n, 16) values of 4 bits as (16, n / 2) bytes; by column, as that compresses better."""
    columns = np.ascontiguousarray(values.T)
    if columns.shape[1] % 2:
        columns = np.pad(columns, ((0, 0), (0, 1)))
    return columns[:, ::2] << 4 | columns[:, 1::2]


def main(source, target):
    values, letters = read(source)
    train, test, dropped = split(values, letters)
    arrays = {"n_dropped": np.array(len(dropped), np.uint16)}
    for name, rows in (("train", train), ("test", test)):
        order, first, counts = np.unique(letters[rows], return_index=True, return_counts=True)
        by_row = np.argsort(first)
        arrays[f"{name}_values"] = pack(values[rows])
        arrays[f"{name}_letters"] = order[by_row].astype("S1")
        arrays[f"{name}_counts"] = counts[by_row].astype(np.uint16)
    np.savez_compressed(target, **arrays)
    print(f"{len(train)} training and {len(test)} test rows, {len(dropped)} dropped")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
