"""What `tinygzsl demo` prints: tables and histograms of at most 40 columns, two abreast in 80."""

import shutil
import sys
from textwrap import wrap

ROWS = {
    "baseline": "(a) eq. 2",
    "router": "(b) eq. 10",
    "separation": "(c) separation",
    "learned": "(d) learned gate",
}
LEFT, WIDE = 42, 80  # columns of the left one of two blocks, with a gap, and of the screen
BLOCKS, ASCII_BLOCKS = " ▁▂▃▄▅▆▇█", " .:-=+*#@"


def text(facts):
    """Return the tables, the histograms and, at the end, what helped."""
    width = min(shutil.get_terminal_size().columns, WIDE)
    parts = [
        _paired(_figures(facts), _routes(facts), width),
        wrap(_what_is_what(facts), width),
        _paired(
            _histogram(facts, "router", "(b) entropy of C, nats"),
            _histogram(facts, "learned", "(d) log-odds of unseen"),
            width,
        ),
        wrap(_means(facts), width),
        wrap(verdict(facts), width),
    ]
    return "\n\n".join("\n".join(part) for part in parts)


def verdict(facts):
    """Return a sentence that says what helped, by the figures.

    A difference is chance if its interval contains 0.
    """
    clauses = []
    for effect in facts["effects"]:
        before, after = (f"{facts[effect[side]]['H']:.3f}" for side in ("without", "with"))
        if effect["low"] > 0:
            did = f"raised H from {before} to {after}"
        elif effect["high"] < 0:
            did = f"did harm: H fell from {before} to {after}"
        else:
            did = f"did not help beyond chance ({before} to {after})"
        clauses.append(f"{effect['what']} {did}")
    sentence = "; ".join(clauses)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _paired(left, right, width):
    """Return two blocks of lines side by side, or one below the other if the screen is narrow."""
    if width < WIDE:
        return [*left, "", *right]
    return [f"{a:{LEFT}}{b}" for a, b in zip(left, right, strict=True)]


def _figures(facts):
    lines = [
        f"letters, seed {facts['seed']}, {facts['seconds']:.0f} s in all",
        f"{'':16}     S     U     H AUROC",
    ]
    for name, title in ROWS.items():
        row = facts[name]
        figures = [row["S"], row["U"], row["H"]]
        if name != "baseline":
            figures.append(row["gate"]["auroc"] if name == "learned" else row["auroc"])
        lines.append(f"{title:16}" + "".join(f" {figure:.3f}" for figure in figures))
    return lines


def _routes(facts):
    names = f"{'SL':>5}{'GZSL':>5}{'ZSL':>5}"
    lines = [f"{'':3}{'seen samples to':>15}  {'unseen to':>15}", f"{'':3}{names}  {names}"]
    for name, title in ROWS.items():
        routes = facts[name].get("routes")
        shares = (
            ("all by eq. 2", "all by eq. 2")
            if routes is None
            else ("".join(f"{s:5.0%}" for s in routes[k].values()) for k in ("seen", "unseen"))
        )
        lines.append(f"{title[:3]}{'  '.join(f'{share:>15}' for share in shares)}")
    return lines


def _what_is_what(facts):
    low, high = facts["thresholds"]
    *features, last = facts["gate_features"]
    return (
        "(a), (b) and (d) are the same networks, without entropy separation: eq. 2 for every "
        f"sample, eq. 10 at {low:g} and {high:g} nats, and a gate learned on {facts['gate_folds']} "
        f"folds of the training samples from {', '.join(features)} and {last}. (c) is eq. 10 with "
        "separation. Routes go to seen (SL), all (GZSL) or unseen classes (ZSL). AUROC is that of "
        "the entropy, in (d) of the gate."
    )


def _means(facts):
    entropies = [facts[name]["entropy"] for name in ("router", "separation")]
    seen, unseen, proxy = (
        " and ".join(f"{entropy[kind]:.2f}" for entropy in entropies)
        for kind in ("seen", "unseen", "proxy")
    )
    return (
        f"Mean entropies in nats, (b) and (c): seen {seen}, unseen {unseen}, proxies {proxy}. "
        "Chance: 95% intervals over these test samples."
    )


def _histogram(facts, name, title):
    """Return one row of blocks per kind of sample, each scaled to its highest bin."""
    levels = _blocks()
    lines = [f"{title:26}highest bin"]
    for kind, shares in facts["histograms"][name].items():
        top = max(shares)
        blocks = "".join(levels[round(8 * share / top)] for share in shares)
        lines.append(f"{kind:7}|{blocks}| {top:.0%}")
    low, high = (f"{limit:.2f}" for limit in facts["ranges"][name])
    return [*lines, f"{'':8}{low}{high:>{len(shares) - len(low)}}"]


def _blocks():
    """Return block characters that stdout can encode: on Windows it is not always UTF-8."""
    try:
        BLOCKS.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return ASCII_BLOCKS
    return BLOCKS
