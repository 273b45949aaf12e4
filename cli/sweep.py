"""`tinygzsl sweep`: datasets x splits x settings x seeds, one row per run."""

import contextlib
import sys
import time
from typing import Any

import click

from .common import FAILED, emit, errors_as_sentences, json_option, note
from .completion import complete_preset_or_best, complete_set
from .progress import clock, room


@click.command()
@click.argument("datasets", nargs=-1, metavar="DATASET...")
@click.option("--out", required=True, metavar="FILE", help="Results file, .jsonl or .csv.")
@click.option("--splits", metavar="1-30", help="Splits of action recognition: 1-30 or 1,2,5-9.")
@click.option("--seeds", metavar="0-4", help="Seeds, likewise.  [default: 0]")
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUES",
    help="A setting's values, separated by commas: gan.lr=1e-4,1e-5 or vsmm.hidden=[],[256]. "
    "Several --set multiply.",
    shell_complete=complete_set,
)
@click.option(
    "--preset",
    help="Named settings; see `tinygzsl info`.  [default: paper]",
    shell_complete=complete_preset_or_best,
)
@click.option("--config", help="TOML file with settings, like a run folder's config.toml.")
@click.option("--root", help="Folder to look in for a named dataset.")
@click.option("--prototypes", help="Prototypes by name, or several: att,sent.  [default: att]")
@click.option("--processes", type=int, help="Local worker processes.  [default: one per core]")
@click.option(
    "--threads", type=int, help="Threads of each run.  [default: the cores / --processes]"
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="dask: the tcp://host:port or tls://host:port of a scheduler, or local-cluster.",
)
@json_option
@errors_as_sentences
def sweep(datasets, out, processes, threads, scheduler, as_json, **options):
    """Train and evaluate every combination of datasets, splits, settings and seeds.

    One row per run is written to --out as soon as the run is finished. The same command again runs
    what is missing. After the last run the rows are sorted, and the mean and standard deviation of
    S, U and H are printed.

    Local processes open no ports. With --scheduler dask's ports have no authentication, those of
    local-cluster on 127.0.0.1 too: whoever reaches them can run code as you, unless dask's
    configuration has certificates for TLS, which are then used. A scheduler that has no worker for
    60 s ends the sweep.
    """
    from ..storage.locks import FileLock
    from ..storage.output import OutputFile
    from ..sweeps.results import Results, read_plan, results_path
    from .sweep_plan import check_sources, engine_for, plan_sweep

    path = results_path(OutputFile(out, regular=True).place)
    runs, plan = plan_sweep(datasets, **options)
    with FileLock(path):  # from here on no other sweep changes the plan
        how = {"processes": processes, "threads": threads, "total": len(runs)}
        engine, plan["threads"] = engine_for(scheduler, **how, stored=read_plan(path))
        for run in runs:
            run.params["threads"] = plan["threads"]
        results = Results(path, plan, runs=runs)
        missing = results.missing()
        note(
            f"{_count(len(runs), 'run')}, {len(runs) - len(missing)} of them in {path} already; "
            f"threads per run: {plan['threads']}"
        )
        check_sources(missing)
        lost = _collect(engine, missing, results, path=path)
        if not lost:
            results.finish()
    facts = _facts(path, results, ran=len(missing), lost=lost)
    emit(facts, as_json=as_json, text=_text(facts))
    if lost or facts["failed"]:
        raise SystemExit(FAILED)


def _collect(engine, missing, results, *, path):
    """Write the rows of finished runs; return the number of runs that lost their workers."""
    lost, started = 0, time.monotonic()
    try:
        with contextlib.closing(engine.results(missing)) as answers:
            for done, row in enumerate(answers, 1):
                if row is None:
                    lost += 1
                else:
                    results.append(row)
                _progress(done, len(missing), time.monotonic() - started)
    except KeyboardInterrupt:
        rows = _count(len(results.lines), "row")
        note(f"\nstopped with {rows} in {path}; the same command continues")
        raise
    return lost


def _progress(done, total, seconds):
    if sys.stderr.isatty():
        left = clock(seconds / done * (total - done))
        line = f"{done}/{total} runs, {left} left"[: room(sys.stderr)]
        with contextlib.suppress(OSError):  # the terminal may have been closed
            sys.stderr.write(f"\r\x1b[K{line}" + ("\n" if done == total else "\r"))
            sys.stderr.flush()


def _facts(path, results, *, ran, lost):
    rows = [results.rows[i] for i in sorted(results.rows)]
    failed = [row for row in rows if row["error"]]
    return {
        "file": str(path),
        "runs": len(results.runs),
        "ran": ran - lost,
        "failed": len(failed),
        "first_error": failed[0]["error"] if failed else None,
        "lost": lost,
        "groups": _groups(results, rows),
    }


def _groups(results, rows):
    """Return mean and standard deviation of S, U and H by dataset and combination of settings."""
    from ..sweeps.results import cell

    names = [name for name in results.runs[0].key if name not in ("split", "seed")]
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        if not row["error"]:
            groups.setdefault(tuple(cell(row[name]) for name in names), []).append(row)
    return [
        {**dict(zip(names, key, strict=True)), **_statistics(members)}
        for key, members in groups.items()
    ]


def _statistics(rows):
    """Return means and standard deviations over splits, or over the seeds of one split."""
    from ..sweeps.spread import spread

    names = ("S", "U", "H", "auroc")
    found = {k: spread((row["split"], row["seed"], row[k]) for row in rows) for k in names}
    facts = {"runs": len(rows), "over": found["S"].over}
    for name, of in found.items():
        facts |= {name: of.mean, f"{name}_sd": of.sd}
    return facts


def _text(facts):
    lines = []
    for group in facts["groups"]:
        figures = ", ".join(_plus_minus(name, group) for name in ("S", "U", "H", "auroc"))
        skip = ("runs", "over", "S", "U", "H", "auroc")
        names = [f"{k}={v}" for k, v in group.items() if k not in skip and not k.endswith("_sd")]
        lines.append(
            f"{' '.join(names)}: {figures} ({group['over']}, {_count(group['runs'], 'run')})"
        )
    if facts["failed"]:
        lines.append(f"{_count(facts['failed'], 'run')} failed, the first: {facts['first_error']}")
    if facts["lost"]:
        lines.append(
            f"{_count(facts['lost'], 'run')} lost the worker process each time (out of memory?); "
            "the same command tries them again; fewer --processes need less memory"
        )
    return "\n".join([*lines, f"rows: {facts['file']}"])


def _plus_minus(name, group):
    sd = group[f"{name}_sd"]
    return f"{name} {group[name]:.3f}" + (f" ± {sd:.3f}" if sd is not None else "")


def _count(n, word):
    return f"{n} {word}" if n == 1 else f"{n} {word}s"
