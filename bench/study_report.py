"""The tables and figures of the study of entropy separation, from its rows.

    python bench/study_report.py

reads bench/study/*.csv, which bench/study.py wrote, and writes bench/study/tables.md and
bench/figures/study-*.png and .svg (Matplotlib, the extra `plot`). Every difference is to the VSMM
trained without L_ES with the same seed and scaler: mean ± standard deviation over the seeds and, in
brackets, in how many of them it was above. Settings that lack a seed are left out.
"""

from study_rows import (
    FEATURES,
    HERE,
    TITLES,
    default,
    gamma_name,
    label,
    load,
    one_factor,
)

HEADINGS = (
    *("S", "U", "H", "H - none", "AUROC - none", "area - none", "H best - none"),
    *("seen", "unseen", "proxies", "hinge"),
)


def cells(results, key):
    """Return the figures of a setting, as in HEADINGS."""
    values = [f"{results.mean(key, k):.3f}" for k in ("S", "U", "H")]
    if key[1] == "none":
        names = {"auroc": "AUROC", "area": "area", "H_best": "H best"}
        others = (f"{name} {results.mean(key, k):.3f}" for k, name in names.items())
        means = (f"{results.mean(key, k):.2f}" for k in ("seen", "unseen"))
        return [*values, "", *others, *means, "", ""]
    values += [results.gain(key, k) for k in ("H", "auroc", "area", "H_best")]
    pairs = [(f"{kind}_before", kind) for kind in ("seen", "unseen", "proxy")]
    pairs.append(("hinge_first", "hinge_last"))
    return values + [" → ".join(f"{results.mean(key, k):.2f}" for k in pair) for pair in pairs]


def tables(results):
    """Return the tables of all settings of a dataset, in Markdown."""
    crossed = results.rest()[0]
    none = (results.scaler, "none", "", 0.0, 0.0, 0.0)
    lines = [f"## {TITLES.get(results.name, results.name)}", ""]
    lines += [f"{len(results.seeds)} seeds, {FEATURES[results.scaler]} features.", ""]
    head = ["window of r", "γ", "r", "epoch", *HEADINGS]
    lines += [*_head(head), _line(["no separation", "", "", "", *cells(results, none)])]
    for key in sorted(crossed, key=lambda k: (k[2], k[3])):
        start = [key[2], gamma_name(key[3])]
        if results.reached(key):
            means = [f"{results.mean(key, 'r'):.2f}", f"{results.mean(key, 'epoch'):.1f}"]
            lines.append(_line([*start, *means, *cells(results, key)]))
        elif key[3] == results.base:
            found = results.rows[key].values()
            highest, epochs = (max(row[k] for row in found) for k in ("r", "epoch"))
            rest = [""] * (len(head) - 3)
            what = f"at most {highest:.2f} in {epochs:.0f} epochs"
            lines.append(_line([key[2], "", what, *rest]))
    lines += ["", f"One factor at a time; the default has γ = {results.base:g}.", ""]
    lines += _head(["setting", *HEADINGS])
    for key in one_factor(results):
        lines.append(_line([label(results, key), *cells(results, key)]))
    for scaler in results.none:
        if scaler != results.scaler:
            key = (scaler, *none[1:])
            lines.append(_line(["the other scaler, no separation", *cells(results, key)]))
    return "\n".join(lines)


def _head(names):
    return [_line(names), "|---" * len(names) + "|"]


def _line(values):
    return "| " + " | ".join(values) + " |"


def key_table(every):
    """Return the table in the project's README: a few settings of each dataset."""
    head = ["dataset", "proxies", "γ", "S", "U", "H", *HEADINGS[3:5], HEADINGS[6]]
    lines = _head(head)
    for results in every:
        none = (results.scaler, "none", "", 0.0, 0.0, 0.0)
        values = cells(results, none)
        title = TITLES.get(results.name, results.name)
        name = f"none (eq. 2 alone: H {results.mean(none, 'H_eq2'):.3f})"
        lines.append(_line([title, name, "", *values[:3], "", values[4], values[6]]))
        start, log_s = default(results), results.gammas[-1]
        settings = [
            ("0.10 < r < 0.25", (start[0], "single", "0.10-0.25", *start[3:])),
            ("0.40 < r < 0.55", (*start[:3], 1.0, *start[4:])),
            ("0.40 < r < 0.55", start),
            ("0.55 < r < 0.70", (start[0], "single", "0.55-0.70", log_s, *start[4:])),
            ("0.80 < r < 0.90", (start[0], "single", "0.80-0.90", *start[3:])),
            ("no GAN: mixtures", (start[0], "mixture", "", 1.0, *start[4:])),
            ("no GAN: noise", (start[0], "noise", "", *start[3:])),
        ]
        for name, key in settings:
            if results.reached(key):
                values = cells(results, key)
                lines.append(_line(["", name, gamma_name(key[3]), *values[:5], values[6]]))
    return "\n".join(lines)


def report(every):
    """Return the text of tables.md."""
    parts = ["# When entropy separation helps: all settings", __doc__.partition("\n\n")[2]]
    return "\n\n".join([parts[0], *map(tables, every)]) + "\n"


def main():
    from study_figures import factors_figure, save, windows_figure

    every = load()
    (HERE / "study" / "tables.md").write_text(report(every), encoding="utf-8")
    folder = HERE / "figures"
    folder.mkdir(exist_ok=True)
    save(windows_figure(every), folder / "study-windows.png")
    save(factors_figure(every), folder / "study-factors.png")


if __name__ == "__main__":
    main()
