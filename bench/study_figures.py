"""The figures of the study of entropy separation; Matplotlib, the extra `plot`."""

import numpy as np
from study_parts import GAMMAS
from study_rows import MEASURES, TITLES, default, gamma_name, label, one_factor, place

COLOURS = ("#56b4e9", "#0072b2", "#009e73", "#d55e00", "#000000")  # Okabe and Ito
MARKERS, DASHES = "osD^v", (":", "--", "-.", "-", (0, (5, 1, 1, 1)))


def windows_figure(every):
    """Draw gains against the window: a line per margin, a column per dataset."""
    measures = ("H", "auroc", "H_best")
    figure, axes = _grid(
        len(measures), len(every), size=(3.5 * len(every), 7.2), sharex="col", sharey="col"
    )
    for column, results in zip(axes.T, every, strict=True):
        crossed = [key for key in results.rest()[0] if results.reached(key)]
        for i, gamma in enumerate(results.gammas):
            mine = sorted(key for key in crossed if key[3] == gamma)
            at = [results.windows.index(key[2]) for key in mine]
            at = np.array(at) + 0.1 * (i - (len(results.gammas) - 1) / 2)
            style = (*GAMMAS, gamma).index(gamma)
            name = f"γ = {gamma_name(gamma)}"
            for ax, measure in zip(column, measures, strict=True):
                gains = [results.gains(key, measure) for key in mine]
                look = {"color": COLOURS[style], "marker": MARKERS[style], "ls": DASHES[style]}
                look |= {"ms": 4, "lw": 1.2, "elinewidth": 0.8, "label": name}
                ax.errorbar(at, [g.mean() for g in gains], [g.std(ddof=1) for g in gains], **look)
        column[0].set_title(TITLES.get(results.name, results.name), fontsize=11)
        column[-1].set_xticks(range(len(results.windows)), results.windows, rotation=45)
        column[-1].set_xlabel("window of r = ln CS / ln CS$_{ref}$")
    for ax, measure in zip(axes[:, 0], measures, strict=True):
        ax.set_ylabel(f"{MEASURES[measure]},\nminus no separation", fontsize=9)
    for ax in axes.flat:
        ax.axhline(0, color="#666666", lw=0.8)
    found = {}
    for ax in axes[0]:
        found |= dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
    names = sorted(found)
    figure.legend(
        [found[n] for n in names], names, loc="outside upper center", ncols=5, frameon=False
    )
    return figure


def factors_figure(every):
    """Draw a forest plot of every setting that changes one factor of the default."""
    places = {}
    for results in every:
        places |= {label(results, key): place(results, key) for key in one_factor(results)}
    labels = sorted(places, key=places.get)
    figure, axes = _grid(
        1, len(every), size=(3.5 * len(every) + 1.5, 0.32 * len(labels) + 1.4), sharey=True
    )
    measures = ("H", "area", "H_best")
    for ax, results in zip(axes[0], every, strict=True):
        for j, measure in enumerate(measures):
            for key in one_factor(results):
                gains = results.gains(key, measure)
                ax.errorbar(
                    gains.mean(),
                    labels.index(label(results, key)) + 0.25 * (j - 1),
                    xerr=gains.std(ddof=1),
                    color=(COLOURS[1], COLOURS[3], COLOURS[4])[j],
                    marker="os^"[j],
                    ms=4,
                    lw=1,
                    label=MEASURES[measure] if key == default(results) else None,
                )
        ax.axvline(0, color="#666666", lw=0.8)
        ax.set_title(TITLES.get(results.name, results.name), fontsize=11)
        ax.set_xlabel("minus no separation")
    axes[0, 0].set_yticks(range(len(labels)), labels)
    axes[0, 0].invert_yaxis()
    for ax in axes.flat:
        ax.grid(axis="y", color="#eeeeee", zorder=0)
    handles = axes[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=3, frameon=False)
    return figure


def _grid(rows, columns, *, size, **options):
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8)
        ax.locator_params(nbins=6)
    return figure, axes


def save(figure, path):
    """Save path.svg, and path.png with 64 colours to make it small."""
    from io import BytesIO

    from matplotlib import rc_context
    from PIL import Image

    with rc_context({"svg.hashsalt": path.name, "svg.fonttype": "none", "path.simplify": True}):
        figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})
        pixels = BytesIO()
        figure.savefig(pixels, format="png", dpi=130)
    image = Image.open(pixels).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    image.save(path.with_suffix(".png"), optimize=True)
