"""`tinygzsl demo`: the paper's comparison on the embedded letters."""

import sys
import time
from typing import Any

import click

from .common import emit, errors_as_sentences, json_option, note, threaded


@click.command()
@click.option("--seed", default=0, show_default=True, help="Seed of all random numbers.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@json_option
@errors_as_sentences
@threaded
def demo(seed, device, as_json):
    """Train on 20 letters, predict 6 unseen ones too, and show the effect of entropy separation.

    Prints the figures of (a) the paper's baseline, a VSMM without entropy separation and eq. 2 for
    every sample, (b) the router of eq. 10 on the same VSMM, (c) the full method.
    """
    from .. import EntropySeparationGZSL, load_dataset
    from .progress import Progress

    started = time.monotonic()
    data = load_dataset("letters")
    training = data.training()
    X, y, prototypes = training.X, training.y, training.prototypes
    note(f"letters (UCI Letter Recognition, CC BY 4.0): {data!r}")
    with Progress() as progress:
        common: dict[str, Any] = {
            "preset": "letters",
            "seed": seed,
            "device": device,
            "callback": progress,
        }
        without = EntropySeparationGZSL(**common, vsmm_weight_es=0.0).fit(X, y, prototypes)
        full = EntropySeparationGZSL(**common).fit(X, y, prototypes)
    facts = measure(without, full, data)
    facts["seconds"] = round(time.monotonic() - started, 1)
    emit(facts, as_json=as_json, text=text(facts))


def measure(without, full, data):
    """Return the figures of the table and the entropies for the histograms."""
    from .. import evaluate
    from ..evaluation import PROXIES

    before, after = evaluate(without, data), evaluate(full, data)
    proxies = full.sample_proxies(PROXIES)
    before["entropy"]["proxy"] = float(without.entropy(proxies).mean())
    looks = full.proxy_source_.snapshots
    return {
        "baseline": before["gzsl"],
        "router": before,
        "full": after,
        "thresholds": [full.settings_.router_delta_low, full.settings_.router_delta_high],
        "cs_reference": full.proxy_source_.reference,
        "snapshots": [s.look._asdict() for s in looks],
        "histograms": {
            name: {
                kind: _shares(model.entropy(X), after["entropy"]["max"])
                for kind, X in (
                    ("seen", data.X_test_seen),
                    ("unseen", data.X_test_unseen),
                    ("proxy", proxies),
                )
            }
            for name, model in (("before", without), ("after", full))
        },
    }


BINS = 15


def _shares(entropy, top):
    import numpy as np

    counts, _ = np.histogram(np.clip(entropy, 0, top), bins=BINS, range=(0, top))
    return (counts / counts.sum()).tolist()


def text(facts):
    """Return the table and the histograms as text."""
    rows = [
        ("(a) baseline: no separation, eq. 2", facts["baseline"]),
        ("(b) router on the same VSMM", facts["router"]),
        ("(c) full method", facts["full"]),
    ]
    low, high = facts["thresholds"]
    lines = [f"{'':36}     S      U      H   (eq. 10 at {low:g} and {high:g} nats)"]
    lines += [f"{name:36}{m['S']:6.3f} {m['U']:6.3f} {m['H']:6.3f}" for name, m in rows]
    lines += ["", f"{'':36} AUROC   mean entropy in nats: seen  unseen  proxy"]
    for name, m in rows[1:]:
        e = m["entropy"]
        lines.append(
            f"{name:36}{m['auroc']:6.3f}{e['seen']:28.2f}{e['unseen']:8.2f}{e['proxy']:7.2f}"
        )
    lines += ["", f"{'share of test samples per route':36}    seen: SL / GZSL / ZSL  unseen"]
    for name, m in rows[1:]:
        shares = [
            " / ".join(f"{share:4.0%}" for share in m["routes"][kind].values())
            for kind in ("seen", "unseen")
        ]
        lines.append(f"{name:36}{shares[0]:>26}  {shares[1]}")
    for name, title in (("before", "without separation, (b)"), ("after", "with separation, (c)")):
        lines += [
            "",
            f"entropy of C, 0 to ln 20 = {facts['full']['entropy']['max']:.2f} nats, {title}",
        ]
        lines += _histogram(facts["histograms"][name])
    looks = ", ".join(f"step {s['step']} (CS {s['cs']:.2f})" for s in facts["snapshots"])
    lines += [
        "",
        f"proxies of {looks}; CS of held-out real samples {facts['cs_reference']:.2f}; "
        f"{facts['seconds']:.0f} s in all",
    ]
    return "\n".join(lines)


BLOCKS, ASCII_BLOCKS = " ▁▂▃▄▅▆▇█", " .:-=+*#@"


def _blocks():
    """Return block characters that stdout can encode: on Windows it is not always UTF-8."""
    try:
        BLOCKS.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return ASCII_BLOCKS
    return BLOCKS


def _histogram(shares):
    """Return one row of blocks per kind of sample, each scaled to its highest bin."""
    lines, levels = [], _blocks()
    for kind, values in shares.items():
        top = max(values)
        blocks = "".join(2 * levels[round(8 * v / top)] for v in values)
        lines.append(f"  {kind:7}|{blocks}| highest bin {top:.0%}")
    return lines
