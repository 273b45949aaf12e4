"""How the presets `small` and `letters` were chosen: on pseudo-unseen classes, never on test data.

    python bench/validate.py letters vsmm.lr=1e-3,3e-3 vsmm.epochs=10,20
    python bench/validate.py PATH_TO_CUB vsmm.epochs=20,25,30 vsmm.weight_es=0

For every combination of the values given, over three seeded folds: a quarter of the seen classes
plays unseen, a fifth of the other classes' training samples plays test-seen. With vsmm.weight_es=0
there is no GAN, and a combination takes seconds. Values of one setting are separated by commas,
a list's own commas are written as semicolons. Prints S, U, H by eq. 10, H by eq. 2, the AUROC of
the entropy, and the best single threshold with its H, averaged over the folds.
"""

import itertools
import sys

import numpy as np

import tinygzsl as tz
from tinygzsl.cli.config import parse_set

FOLDS = 3


def pseudo_split(training, seed):
    """A Dataset made of training samples only."""
    rng = np.random.default_rng(seed)
    classes = rng.permutation(training.classes)
    unseen = np.sort(classes[: len(classes) // 4])
    is_unseen = np.isin(training.y, unseen)
    rows = rng.permutation(np.flatnonzero(~is_unseen))
    held, kept = rows[: len(rows) // 5], rows[len(rows) // 5 :]
    seen_at = ~np.isin(training.classes, unseen)
    test = np.concatenate([held, np.flatnonzero(is_unseen)])
    return tz.Dataset(
        name=f"{training.name}, fold {seed}",
        X_train=training.X[kept],
        y_train=training.y[kept],
        X_test=training.X[test],
        y_test=training.y[test],
        seen_classes=training.classes[seen_at],
        seen_prototypes=training.prototypes[seen_at],
        unseen_classes=unseen,
        unseen_prototypes=training.prototypes[~seen_at],
    )


def main(source, *choices):
    training = tz.load_dataset(source).training()
    folds = [pseudo_split(training, seed) for seed in range(FOLDS)]
    names = [choice.partition("=")[0] for choice in choices]
    values = [choice.partition("=")[2].split(",") for choice in choices]
    print("     S      U      H H eq.2  AUROC H best     at ", training.name)
    for combination in itertools.product(*values):
        pairs = [f"{n}={v.replace(';', ',')}" for n, v in zip(names, combination, strict=True)]
        rows = []
        for fold in folds:
            model = tz.EntropySeparationGZSL(**{"preset": "small", **parse_set(tuple(pairs))})
            model.fit(fold.X_train, fold.y_train, fold.seen_prototypes)
            m = tz.evaluate(model, fold)
            best = m["oracle"]
            row = [m["S"], m["U"], m["H"], m["gzsl"]["H"], m["auroc"], best["H"], best["threshold"]]
            rows.append(row)
        print(*(f"{v:6.3f}" for v in np.mean(rows, axis=0)), "", *pairs, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
