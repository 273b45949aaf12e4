"""Does entropy separation help? With and without it at three CS windows, paired by seed.

    python bench/separation.py PATH --seeds 3 --set vsmm.gamma=3 --out results.jsonl

One CWGAN is trained per seed, and its snapshots are kept as CS passes through the windows, so all
rows of a seed share the order of the data, the PTC and the CWGAN. Per row: S, U, H by eq. 10, H by
eq. 2 for every sample, the AUROC of the entropy, H at the best single threshold (an oracle, for
analysis), and the mean entropies of held-out seen samples and of fresh proxies before (VSMM without
L_ES) and after (with L_ES). Rows are appended to --out; the table is printed at the end.
"""

import json
import time
import warnings

import click
import numpy as np

import tinygzsl as tz
from tinygzsl import pipeline
from tinygzsl.cli.config import parse_set
from tinygzsl.pipeline import Plan
from tinygzsl.runtime.threads import workers
from tinygzsl.settings import settings_for
from tinygzsl.snapshots import SnapshotKeeper

WINDOWS = ((0.25, 0.40), (0.40, 0.70), (0.78, 0.82))


def snapshots_by_window(training, preset, *, sets, seed):
    """Return (low, high, look, training proxies, fresh proxies) per window of one CWGAN run."""
    settings = settings_for(preset, sets)
    plan = Plan(settings=settings, seed=seed, xp=np, dtype=str(training.X.dtype))
    index = np.searchsorted(training.classes, training.y)
    seen = pipeline.scale(training.X, index, training.prototypes, plan)
    gan = pipeline.start_gan(seen, plan, [])
    for low, high in WINDOWS:
        keeper = SnapshotKeeper(settings_for(preset, {**sets, "cs_low": low, "cs_high": high}))
        gan.keepers = [keeper]  # the next keeper gets the looks after the previous window
        pipeline.train_gan(gan, seen, plan)
        if not keeper.inside:
            continue
        source = pipeline.source_of(gan, keeper.inside)
        draws = [
            seen.feature_scaler.invert(
                source.draw(seen.a, settings.proxy_count, seed=seed, draw=draw)
            )
            for draw in (0, 1)
        ]
        yield low, high, keeper.inside[0].look, *draws


def figures(model, data, fresh):
    """Return the row of a model: accuracies, AUROC and entropies."""
    m = tz.evaluate(model, data)
    return {
        **{k: m[k] for k in ("S", "U", "H", "auroc")},
        "H_eq2": m["gzsl"]["H"],
        "H_best": m["oracle"]["H"],
        "seen": m["entropy"]["seen"],
        "unseen": m["entropy"]["unseen"],
        "proxy": None if fresh is None else float(model.entropy(fresh).mean()),
        "hinge": model.history_[-1].get("es"),
        "hinge_first": model.history_[0].get("es"),
    }


@click.command()
@click.argument("path")
@click.option("--preset", default="small")
@click.option("--seeds", default=3)
@click.option("--set", "sets", multiple=True)
@click.option("--gamma", "gammas", multiple=True, type=float, default=(1.0, 3.0))
@click.option("--out", default="separation.jsonl")
def main(path, preset, seeds, sets, gammas, out):
    """Run the comparison on the dataset at PATH."""
    with workers():
        compare(path, preset, seeds=seeds, sets=sets, gammas=gammas, out=out)


def compare(path, preset, *, seeds, sets, gammas, out):
    """Write a row per seed, window and margin to the file `out`, and print the table."""
    warnings.simplefilter("ignore")
    sets = parse_set(sets)
    data = tz.load_dataset(path)
    training = data.training()
    seen = {"X": training.X, "y": training.y, "prototypes": training.prototypes}
    rows = []

    def record(**row):
        rows.append(row)
        with open(out, "a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)

    for seed in range(seeds):
        started = time.monotonic()
        base = {"preset": preset, "seed": seed, **sets}
        plain = tz.EntropySeparationGZSL(**{**base, "vsmm_weight_es": 0.0}).fit(**seen)
        record(seed=seed, window="none", gamma=None, **figures(plain, data, None))
        for low, high, look, proxies, fresh in snapshots_by_window(
            training, preset, sets=sets, seed=seed
        ):
            window = f"{low:.2f}-{high:.2f}"
            before = float(plain.entropy(fresh).mean())
            for gamma in gammas:
                model = tz.EntropySeparationGZSL(**{**base, "vsmm_gamma": gamma})
                model.fit(**seen, proxies=proxies)
                row = figures(model, data, fresh)
                record(
                    seed=seed,
                    window=window,
                    gamma=gamma,
                    cs=look.cs,
                    step=look.step,
                    proxy_before=before,
                    seconds=time.monotonic() - started,
                    **row,
                )
    print(table(rows))


HEADINGS = (
    *("proxies from", "γ", "CS", "S", "U", "H", "AUROC", "H, best threshold"),
    *("entropy, seen", "proxies before → after", "H - H(none), paired"),
)


def table(rows):
    """Return means over seeds, and mean and standard deviation of H - H(none) paired by seed."""
    none = [r for r in rows if r["window"] == "none"]
    lines = ["| " + " | ".join(HEADINGS) + " |", "|---" * len(HEADINGS) + "|"]
    lines.append(f"| none, eq. 2 for all | | | | | {_mean(none, 'H_eq2')} | | | | | |")
    for window, gamma in dict.fromkeys((r["window"], r["gamma"]) for r in rows):
        mine = [r for r in rows if (r["window"], r["gamma"]) == (window, gamma)]
        name, extra = "none, router", ("", "", "", "")
        if gamma:
            name = window.replace("-", " < r < ")
            moved = f"{_mean(mine, 'proxy_before', digits=2)} → {_mean(mine, 'proxy', digits=2)}"
            extra = (f"{gamma:g}", _mean(mine, "cs", digits=1), moved, _gain(mine, none))
        figures = [_mean(mine, key) for key in ("S", "U", "H", "auroc", "H_best")]
        seen = _mean(mine, "seen", digits=2)
        lines.append("| " + " | ".join([name, *extra[:2], *figures, seen, *extra[2:]]) + " |")
    met = {r["window"] for r in rows}
    for low, high in WINDOWS:
        if f"{low:.2f}-{high:.2f}" not in met:
            lines.append(f"| {low:.2f} < r < {high:.2f}, not reached |" + " |" * 10)
    return "\n".join(lines)


def _mean(rows, key, *, digits=3):
    return f"{np.mean([r[key] for r in rows]):.{digits}f}"


def _gain(rows, none):
    before = {r["seed"]: r["H"] for r in none}
    gains = [r["H"] - before[r["seed"]] for r in rows]
    spread = f" ± {np.std(gains, ddof=1):.3f}" if len(gains) > 1 else ""
    return f"{np.mean(gains):+.3f}{spread}"


if __name__ == "__main__":
    main()
