"""How the presets `small` and `letters` were chosen: on pseudo-unseen classes, never on test data.

    python bench/validate.py letters vsmm.lr=1e-3,3e-3 vsmm.epochs=10,20
    python bench/validate.py PATH_TO_CUB vsmm.epochs=20,25,30 vsmm.weight_es=0

Fits every combination of the given values on the three folds of `tinygzsl tune --folds 3`, in which
some of the seen classes are pseudo-unseen. With vsmm.weight_es=0 there is no GAN, and a combination
takes seconds. Commas separate the values of a setting; use semicolons inside a list. Prints S, U, H
by the router, H by eq. 2, the AUROC of the entropy, and the best single threshold with its H,
averaged over the folds.
"""

import itertools
import sys

import numpy as np

import tinygzsl as tz
from tinygzsl.cli.config import parse_set
from tinygzsl.tuning.folds import folds


def main(source, *choices):
    training = tz.load_dataset(source).training()
    parts = folds(training)
    names = [choice.partition("=")[0] for choice in choices]
    values = [choice.partition("=")[2].split(",") for choice in choices]
    print("     S      U      H H eq.2  AUROC H best     at ", training.name)
    for combination in itertools.product(*values):
        pairs = [f"{n}={v.replace(';', ',')}" for n, v in zip(names, combination, strict=True)]
        rows = []
        for fold in parts:
            model = tz.EntropySeparationGZSL(**{"preset": "small", **parse_set(tuple(pairs))})
            model.fit(fold.X_train, fold.y_train, fold.seen_prototypes)
            m = tz.evaluate(model, fold)
            best = m["oracle"]
            row = [m["S"], m["U"], m["H"], m["gzsl"]["H"], m["auroc"], best["H"], best["threshold"]]
            rows.append(row)
        print(*(f"{v:6.3f}" for v in np.mean(rows, axis=0)), "", *pairs, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
