"""When does entropy separation help? One factor at a time, paired by seed, over five seeds.

    python bench/study.py FOLDER --out bench/study/cub100.csv
    python bench/study_report.py

All rows of a seed and a scaler share the order of the samples, the initial weights of the VSMM, one
PTC and one CWGAN, whose snapshots are kept as CS passes through the windows. A VSMM is trained for
each row. The row "none" is trained without L_ES, so differences to it are paired. All windows are
combined with all margins, since both decide whether the hinge of eq. 8 is active. Every other
factor is changed alone, at the window 0.40 < r < 0.55, whose first snapshot is the preset's.

Each row is written when it is measured, and existing rows are skipped, so an interrupted study can
be continued. A window that the CWGAN did not reach gives a row without figures. Proxies without a
GAN are made from training samples of seen classes only.
"""

import csv
import math
import time
import warnings
from pathlib import Path

import click
import numpy as np
from study_parts import GAMMAS, Variant, keepers, made_of_samples, variants

import tinygzsl as tz
from tinygzsl import pipeline
from tinygzsl.cli.config import parse_set
from tinygzsl.metrics import accuracies, auroc, harmonic_mean, seen_unseen_curve
from tinygzsl.pipeline import Plan
from tinygzsl.runtime.threads import workers
from tinygzsl.settings import settings_for

COLUMNS = (
    *("seed", "scaler", "source", "window", "gamma", "weight", "count"),
    *("S", "U", "H", "auroc", "area", "H_best", "threshold", "H_eq2"),
    *("seen", "unseen", "proxy", "seen_before", "unseen_before", "proxy_before"),
    *("hinge_first", "hinge_last", "r", "cs", "step", "epoch", "seconds"),
)


class Study:
    """The rows of one seed and one scaler."""

    def __init__(self, data, preset, *, sets, seed, scaler, epochs):
        self.data, self.seed, self.training = data, seed, data.training()
        output = {"minmax": "relu", "standard": "linear"}[scaler]
        self.own = {**sets, "scale_features": scaler, "gan_output": output}
        self.preset, self.epochs = preset, epochs
        self.plain = self.fit()
        self.without = figures(self.plain, data)
        self.gan = None

    def fit(self, proxies=None, **changed):
        """Return a model of this seed, trained with the proxies, or without L_ES if None."""
        settings = {"vsmm_weight_es": 0.0} if proxies is None else changed
        model = tz.EntropySeparationGZSL(
            preset=self.preset, seed=self.seed, **{**self.own, **settings}
        )
        t = self.training
        return model.fit(t.X, t.y, t.prototypes, proxies=proxies)

    def _start_gan(self):
        t, own = self.training, self.own | {"gan_max_epochs": self.epochs}
        settings = settings_for(self.preset, own)
        self.plan = Plan(settings=settings, seed=self.seed, xp=np, dtype="float32")
        index = np.searchsorted(t.classes, t.y)
        self.seen = pipeline.scale(t.X, index, t.prototypes, self.plan)
        self.keepers = keepers(self.own)
        every = list(self.keepers.values())
        self.gan = pipeline.start_gan(self.seen, self.plan, every)

    def snapshots(self, source, window):
        """Train the CWGAN as far as needed and return the window's snapshots.

        The list is empty if the last epoch ends before.
        """
        if self.gan is None:
            self._start_gan()
        keeper = self.keepers[source, window]
        pipeline.train_gan(self.gan, self.seen, self.plan, enough=lambda: keeper.done)
        return keeper.inside

    def proxies(self, variant, snapshots, *, draw):
        """Return proxies in the features' units: draw 0 for training, draw 1 2000 fresh ones."""
        count = variant.count if draw == 0 else 2000
        if not variant.needs_gan():
            X, y = self.training.X, self.training.y
            return made_of_samples(variant.source, X, y, count, seed=self.seed, draw=draw)
        source = pipeline.source_of(self.gan, snapshots)
        drawn = source.draw(self.seen.a, count, seed=self.seed, draw=draw)
        return self.seen.feature_scaler.invert(drawn)

    def row(self, variant):
        """Return the figures of a variant, or only the highest r if its window was not reached."""
        if variant.source == "none":
            return self.without
        snapshots, look = [], {}
        if variant.needs_gan():
            snapshots = self.snapshots(variant.source, variant.window)
            if not snapshots:
                looks = self.gan.looks
                highest = max((look.relative for look in looks), default=0.0)
                return {"r": highest, "epoch": float(self.epochs)}
            first = snapshots[0].look
            look = {"r": first.relative, "cs": first.cs, "step": first.step, "epoch": first.epoch}
        given = {"vsmm_gamma": variant.gamma, "vsmm_weight_es": variant.weight}
        model = self.fit(self.proxies(variant, snapshots, draw=0), **given)
        fresh = self.proxies(variant, snapshots, draw=1)
        return {
            **figures(model, self.data),
            "proxy": float(model.entropy(fresh).mean()),
            "proxy_before": float(self.plain.entropy(fresh).mean()),
            "seen_before": self.without["seen"],
            "unseen_before": self.without["unseen"],
            "hinge_first": model.history_[0]["es"],
            "hinge_last": model.history_[-1]["es"],
            **look,
        }


def figures(model, data):
    """Return S, U, H by the preset's router, H by eq. 2, and figures of the entropy.

    area is the area under the curve of S and U as a single threshold on the entropy goes from 0 to
    ln S. H_best and its threshold are an oracle. Entropies are means in nats.
    """
    y, seen = data.y_test, data.seen_classes
    is_seen = np.isin(y, seen)
    routed = model.route(data.X_test, data.unseen_prototypes, data.unseen_classes)
    f, entropy = model.compatibility(data.X_test, data.unseen_prototypes), routed.entropy
    everywhere = np.concatenate([seen, data.unseen_classes])[f.argmax(axis=1)]
    zero_shot = data.unseen_classes[f[:, len(seen) :].argmax(axis=1)]
    as_seen, as_unseen = model.predict(data.X_test) == y, zero_shot == y
    thresholds, s, u = seen_unseen_curve(entropy, as_seen, as_unseen, y, seen)
    h = harmonic_mean(s, u)
    return {
        **accuracies(y, routed.label, is_seen),
        "auroc": auroc(entropy[is_seen], entropy[~is_seen]),
        "area": float(np.sum((u[:-1] - u[1:]) * (s[:-1] + s[1:]) / 2)),
        "H_best": float(h.max()),
        "threshold": float(thresholds[h.argmax()]),
        "H_eq2": accuracies(y, everywhere, is_seen)["H"],
        "seen": float(entropy[is_seen].mean()),
        "unseen": float(entropy[~is_seen].mean()),
    }


def run(data, preset, *, sets, seeds, gammas, base, epochs, out):
    """Measure every row that is not yet in the file `out`."""
    scaler = settings_for(preset, sets).scale_features
    done, studies = finished(out, epochs), {}
    for variant in variants(scaler, gammas, base=base):
        for seed in range(seeds):
            if (seed, variant) in done:
                continue
            started, place = time.monotonic(), (seed, variant.scaler)
            if place not in studies:
                studies[place] = Study(
                    data, preset, sets=sets, seed=seed, scaler=variant.scaler, epochs=epochs
                )
            row = studies[place].row(variant)
            write(out, seed, variant=variant, row={**row, "seconds": time.monotonic() - started})


def finished(out, epochs):
    """Return (seed, variant) of the finished rows in the file; an incomplete last line is dropped.

    A row whose window was not reached, in fewer epochs of the CWGAN than now, is not finished.
    """
    if not out.exists():
        out.write_text(",".join(COLUMNS) + "\n")
    text = out.read_text()
    if not text.endswith("\n"):
        text = text[: text.rfind("\n") + 1]
        out.write_text(text)
    kinds = [Variant.__annotations__[name] for name in Variant._fields]
    return {
        (
            int(row["seed"]),
            Variant(*(kind(row[n]) for kind, n in zip(kinds, Variant._fields, strict=True))),
        )
        for row in csv.DictReader(text.splitlines())
        if row["H"] or float(row["epoch"]) >= epochs
    }


def write(out, seed, *, variant, row):
    """Append a row, with 4 digits after the decimal point."""
    values = {"seed": seed, **variant._asdict(), **row}
    cells = [values.get(name) for name in COLUMNS]
    line = ",".join(
        "" if c is None else f"{c:.4f}" if isinstance(c, float) else str(c) for c in cells
    )
    with open(out, "a") as file:
        file.write(line + "\n")
    h = f"{row['H']:.3f}" if "H" in row else f"not reached, r at most {row['r']:.2f}"
    click.echo(f"seed {seed} {' '.join(map(str, variant))}: {h} ({row['seconds']:.1f} s)", err=True)


@click.command()
@click.argument("source")
@click.option("--preset", default="small")
@click.option("--seeds", default=5)
@click.option("--set", "sets", multiple=True)
@click.option("--gamma", "gammas", multiple=True, type=float, default=GAMMAS)
@click.option("--base", default=3.0, help="the margin at which all else is changed")
@click.option("--epochs", default=60, help="at most, of the CWGAN")
@click.option("--threads", default=1)
@click.option("--out", type=Path, required=True)
def main(source, preset, seeds, sets, gammas, base, epochs, threads, out):
    """Run the study on the dataset SOURCE; every margin list ends with ln S."""
    warnings.simplefilter("ignore")  # weak classifiers and missed windows show in the rows
    data = tz.load_dataset(source)
    log_s = round(math.log(len(data.seen_classes)), 4)
    gammas = [*(g for g in gammas if g < log_s - 0.05), log_s]
    with workers(threads):
        run(
            data,
            preset,
            sets=parse_set(sets),
            seeds=seeds,
            gammas=gammas,
            base=base,
            epochs=epochs,
            out=out,
        )


if __name__ == "__main__":
    main()
