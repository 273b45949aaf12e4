"""Train models and draw the README's figures of the method.

    python bench/pictures.py letters --preset letters --epochs 8
    python bench/pictures.py FOLDER --name cub100 --set vsmm.gamma=3 --epochs 40

writes bench/figures/NAME-separation, NAME-training and NAME-gate as .png and .svg (Matplotlib, the
extra `plot`), and prints the figures' data as JSON. The test samples are used for display only;
nothing is chosen by them.

separation  entropies of test samples and fresh proxies with a VSMM trained without L_ES and with
            one trained with it; same seed and same CWGAN
training    CS at every look, and H of a VSMM trained on the proxies of about twenty looks, past s_h
gate        the weight of the seen classes against the entropy, by eq. 10 and by the soft gate;
            dots: the share of seen samples among test samples of that entropy, weighted so that
            seen and unseen samples count alike; below, the entropies of both
"""

import json
from pathlib import Path

import click
import numpy as np
from study_figures import save

import tinygzsl as tz
from tinygzsl.cli.config import parse_set
from tinygzsl.metrics import auroc
from tinygzsl.report.charts import TITLES
from tinygzsl.report.figures import BLUE, COLOURS, GREY, ORANGE, new_figure
from tinygzsl.reproduce.evolution import curve
from tinygzsl.reproduce.experiments import Job
from tinygzsl.reproduce.pictures import curve_picture
from tinygzsl.reproduce.records import records
from tinygzsl.router import limits
from tinygzsl.runtime.threads import workers

HERE = Path(__file__).parent
BINS = 40


def entropies(model, data, proxies):
    """Return entropies (nats) of seen and unseen test samples and of proxies (p, d), by kind."""
    return {
        "seen": model.entropy(data.X_test_seen),
        "unseen": model.entropy(data.X_test_unseen),
        "proxy": model.entropy(proxies),
    }


def trained(data, params):
    """Return entropies without and with L_ES, the model with it, and the figures of both."""
    t = data.training()
    separated = tz.EntropySeparationGZSL(**params).fit(t.X, t.y, t.prototypes)
    plain = tz.EntropySeparationGZSL(**{**params, "vsmm_weight_es": 0.0})
    plain.fit(t.X, t.y, t.prototypes)
    proxies = separated.sample_proxies(2000)
    found, measured = {}, {}
    for name, model in (("without separation", plain), ("with separation", separated)):
        found[name], m = entropies(model, data, proxies), tz.evaluate(model, data)
        detector = auroc(found[name]["seen"], found[name]["unseen"])
        measured[name] = {k: round(m[k], 4) for k in "SUH"} | {"AUROC": round(detector, 4)}
    return found, separated, measured


def histograms(ax, kinds, *, edges):
    """Draw the share of each kind's entropies in every bin."""
    for kind, values in kinds.items():
        heights = np.histogram(values, edges)[0] / len(values)
        ax.stairs(heights, edges, fill=True, color=COLOURS[kind], alpha=0.25)
        ax.stairs(heights, edges, color=COLOURS[kind], lw=1.5, label=TITLES[kind])
    ax.set_xlim(0, edges[-1])
    ax.set_ylabel("share")


def separation_figure(title, found, *, measured, edges, thresholds):
    """Draw two panels: without and with L_ES."""
    figure, axes = new_figure(2, 2.2)
    for ax, (name, kinds) in zip(axes, found.items(), strict=True):
        histograms(ax, kinds, edges=edges)
        for nats in thresholds:
            ax.axvline(nats, color="black", lw=1, ls="--")
        m = measured[name]
        figures = f"S {m['S']:.3f}, U {m['U']:.3f}, H {m['H']:.3f}, AUROC {m['AUROC']:.3f}"
        ax.set_title(f"{name}: {figures}", fontsize=10, loc="left")
    axes[0].legend(frameon=False, fontsize=9, loc="upper right")
    dashed = "; dashed: thresholds" if thresholds else ""
    axes[-1].set_xlabel(f"entropy of C in nats, 0 to ln S = {edges[-1]:.2f}{dashed}")
    figure.suptitle(title, fontsize=11)
    return figure


def gate_figure(title, kinds, *, settings, edges):
    """Draw the gates, and the entropies below them."""
    figure, axes = new_figure(2, 2.2)
    low, high, top = settings.router_delta_low, settings.router_delta_high, edges[-1]
    axes[0].step([0, low, high, top], [1, 1, 0.5, 0], color=BLUE, lw=1.8, label="eq. 10")
    nats = np.linspace(0, top, 400)
    soft = 1 / (1 + np.exp((nats / top - settings.router_bias) / settings.router_width))
    name = f"soft gate, b = {settings.router_bias:g}, w = {settings.router_width:g}"
    axes[0].plot(nats, soft, color=ORANGE, lw=1.8, ls="-.", label=name)
    seen, unseen = (np.histogram(kinds[k], edges)[0] / len(kinds[k]) for k in ("seen", "unseen"))
    enough = seen + unseen > 0.01
    truth, middles = seen[enough] / (seen + unseen)[enough], (edges[1:] + edges[:-1])[enough] / 2
    axes[0].plot(middles, truth, "o", color="black", ms=3.5, label="seen ones among test samples")
    axes[0].set_ylabel("weight of the\nseen classes")
    axes[0].set_ylim(-0.04, 1.16)
    axes[0].legend(frameon=False, fontsize=9, loc="upper right", bbox_to_anchor=(1, 0.92))
    labels = ((0.0, low, "SL"), (low, high, "GZSL"), (high, top, "ZSL"))
    for start, end, route in labels:
        if end - start > 0.04 * top:
            axes[0].text((start + end) / 2, 1.05, route, ha="center", color=GREY, fontsize=9)
    histograms(axes[1], {k: kinds[k] for k in ("seen", "unseen")}, edges=edges)
    axes[1].legend(frameon=False, fontsize=9, loc="upper right")
    axes[1].set_xlabel(f"entropy of C in nats, 0 to ln S = {top:.2f}")
    figure.suptitle(title, fontsize=11)
    return figure


def training_figure(name, data, *, source, params, epochs):
    """Draw CS and H against the epochs, figure 5 of the paper; return its records too."""
    more = {"device": "cpu", "dtype": "float32", **params, "gan_max_epochs": epochs}
    job = Job(dataset=name, split=None, seed=params["seed"], source=source, params=more)
    outcome = curve(job, data)
    rows = records([outcome], {}, datasets=[name])
    return curve_picture(name, rows), rows


@click.command()
@click.argument("source")
@click.option("--name", help="Of the dataset, in titles and file names.  [default: SOURCE]")
@click.option("--preset", default="small")
@click.option("--set", "sets", multiple=True)
@click.option("--seed", default=0)
@click.option("--epochs", default=20, help="of the CWGAN, for the curve of CS and H")
@click.option("--threads", type=int)
@click.option("--out", type=Path, default=HERE / "figures")
def main(source, name, preset, sets, seed, epochs, threads, out):
    """Draw the pictures for the dataset SOURCE."""
    name, params = name or source, {"preset": preset, "seed": seed, **parse_set(sets)}
    data = tz.load_dataset(source)
    with workers(threads):
        found, model, measured = trained(data, params)
        settings, edges = model.routing_, np.linspace(0, np.log(len(model.classes_)), BINS + 1)
        thresholds = limits(settings, len(model.classes_)).values()
        title = f"{name}: entropy of the classifier C"
        figures = {
            "separation": separation_figure(
                title, found, measured=measured, edges=edges, thresholds=thresholds
            ),
        }
        if settings.router_gate != "learned":  # which is no function of the entropy
            figures["gate"] = gate_figure(
                f"{name}: the gate", found["with separation"], settings=settings, edges=edges
            )
        figures["training"], rows = training_figure(
            name, data, source={"name_or_path": source}, params=params, epochs=epochs
        )
    out.mkdir(parents=True, exist_ok=True)
    for kind, figure in figures.items():
        save(figure, out / f"{name}-{kind}.png")
    h = {r.row: round(r.measured, 4) for r in rows if r.quantity == "H"}
    click.echo(json.dumps({"measured": measured, "H at": h}))


if __name__ == "__main__":
    main()
