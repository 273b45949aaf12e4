"""The curves of a run as Matplotlib figures, in PNG and SVG; needs the extra `plot`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..runs.load import Run
from ..storage.atomic_write import written_aside
from .marks import cs_window, threshold_marks
from .samples import Histogram

# Okabe and Ito's colours, which colour-blind readers can tell apart.
BLUE, ORANGE, GREEN, PINK, GREY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#666666"
COLOURS = {"seen": BLUE, "unseen": ORANGE, "proxy": GREEN}
TITLES = {"seen": "seen test samples", "unseen": "unseen test samples", "proxy": "fresh proxies"}
LOSSES = {
    "loss": ("all of eq. 9", GREY, "-"),
    "clf": ("cross-entropy of C", BLUE, "--"),
    "le": ("embedding, eq. 4", ORANGE, "-."),
    "ae": ("autoencoder, eq. 3", GREEN, ":"),
    "es": ("entropy separation, eq. 8", PINK, (0, (5, 1, 1, 1, 1, 1))),
}
ENTROPIES = {"h_seen": ("seen samples", BLUE, "-"), "h_proxy": ("proxies", GREEN, "--")}
FORMATS = ("png", "svg")
DPI = 150


def draw_run(run: Run, histogram: Histogram | None = None) -> dict[str, Any]:
    """Figures by name: score and critic (where there is a GAN), vsmm, and entropy (where there is
    a histogram). Raises ImportError without Matplotlib.
    """
    figures = {}
    if run.model.proxy_source_ is not None:
        figures |= {"score": score_figure(run), "critic": critic_figure(run)}
    figures["vsmm"] = vsmm_figure(run)
    if histogram is not None:
        figures["entropy"] = entropy_figure(run, histogram)
    return figures


def save_figures(figures: dict[str, Any], folder: Path) -> list[Path]:
    """Write every figure to folder/NAME.png and .svg, aside and renamed; returns the paths.

    The same figures give the same bytes with the same version of Matplotlib.
    """
    from matplotlib import rc_context

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in figures.items():
        figure.align_ylabels()
        for form in FORMATS:
            path = folder / f"{name}.{form}"
            metadata = {"Date": None} if form == "svg" else None
            # SVG's ids are random without a salt, and its letters depend on fonts that may lack.
            svg = {"svg.hashsalt": name, "svg.fonttype": "path"}
            with rc_context(svg), written_aside(path) as aside:
                figure.savefig(aside, format=form, dpi=DPI, metadata=metadata)
            paths.append(path)
    return paths


def new_figure(panels: int, height: float, **options: Any) -> tuple[Any, Sequence[Any]]:
    """A figure of so many panels above each other, without pyplot and its state.

    height is one panel's, in inches. Raises ImportError without Matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            "matplotlib is not installed, and figures need it; pip install 'tinygzsl[plot]'"
        ) from None
    figure = Figure(figsize=(7, height * panels + 0.6), layout="constrained")
    axes = figure.subplots(panels, 1, sharex=True, squeeze=False, **options)[:, 0]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=9)
    return figure, axes


def score_figure(run: Run) -> Any:
    """CS and r against the CWGAN's epochs, with the window and the chosen snapshots."""
    source, window = run.model.proxy_source_, cs_window(run)
    figure, axes = new_figure(2, 2.3)
    epochs = [look.epoch for look in source.looks]
    panels = (("cs", window.cs, "CS"), ("relative", window.relative, "r = ln CS / ln CS$_{ref}$"))
    for ax, (field, (low, high), title) in zip(axes, panels, strict=True):
        ax.axhspan(low, high, color=BLUE, alpha=0.15, lw=0, label="window")
        ax.plot(epochs, [getattr(look, field) for look in source.looks], color=BLUE, lw=1.5)
        looks = [snapshot.look for snapshot in source.snapshots]
        chosen = [getattr(look, field) for look in looks]
        ax.plot([k.epoch for k in looks], chosen, "o", color=ORANGE, label="chosen", zorder=3)
        ax.set_ylabel(title)
    axes[0].legend(loc="upper left", frameon=False, fontsize=9)
    axes[0].set_title(
        f"Confidence score; CS of held-out real samples {source.reference:.2f}", fontsize=11
    )
    axes[-1].set_xlabel("epochs of the CWGAN")
    return figure


def critic_figure(run: Run) -> Any:
    """The critic's distance and the gradient penalty at every look."""
    looks = run.model.proxy_source_.looks
    figure, axes = new_figure(2, 2.0)
    panels = (("wasserstein", "distance", BLUE), ("penalty", "penalty", ORANGE))
    for ax, (field, title, colour) in zip(axes, panels, strict=True):
        ax.plot([k.epoch for k in looks], [getattr(k, field) for k in looks], color=colour, lw=1.5)
        ax.axhline(0, color=GREY, lw=0.6)
        ax.set_ylabel(title)
    axes[0].set_title("Critic: E[D(x)] - E[D(x~)] and its gradient penalty, eq. 6", fontsize=11)
    axes[-1].set_xlabel("epochs of the CWGAN")
    return figure


def vsmm_figure(run: Run) -> Any:
    """The VSMM's losses and the entropies of its batches, means per epoch."""
    history = run.model.history_
    epochs = range(1, len(history) + 1)
    figure, axes = new_figure(2, 2.4)
    for ax, curves, title in ((axes[0], LOSSES, "loss"), (axes[1], ENTROPIES, "entropy (nats)")):
        for key, (name, colour, style) in curves.items():
            if key in history[0]:
                values = [h[key] for h in history]
                marker = "o" if len(history) == 1 else None
                ax.plot(epochs, values, color=colour, ls=style, lw=1.6, label=name, marker=marker)
        ax.set_ylabel(title)
        ax.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
    axes[0].set_yscale("symlog", linthresh=1e-2)  # the terms differ by orders, and eq. 8 can be 0
    axes[0].set_title("VSMM: unweighted terms, and their weighted sum", fontsize=11)
    axes[-1].set_xlabel("epoch of the VSMM")
    axes[-1].xaxis.get_major_locator().set_params(integer=True)
    return figure


def entropy_figure(run: Run, histogram: Histogram) -> Any:
    """Histograms of seen, unseen and proxy entropies above each other, with the thresholds."""
    edges, marks = histogram.edges, threshold_marks(run)
    figure, axes = new_figure(len(histogram.shares), 1.35)
    for ax, (kind, shares) in zip(axes, histogram.shares.items(), strict=True):
        ax.stairs(shares, edges, fill=True, color=COLOURS[kind])
        ax.set_title(TITLES[kind], fontsize=10, loc="right", pad=-10, color=COLOURS[kind])
        ax.set_ylabel("share")
        ax.set_xlim(0, edges[-1])
        for nats, _ in marks:
            ax.axvline(nats, color="black", lw=1, ls="--")
    named = ", ".join(f"{name} = {nats:.3g}" for nats, name in marks)
    figure.suptitle(f"Entropy of C in nats; dashed: {named}", fontsize=11)
    axes[-1].set_xlabel(f"entropy in nats, 0 to ln S = {edges[-1]:.2f}")
    return figure
