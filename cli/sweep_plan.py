"""The runs, the plan and the engine of a sweep, from the options of `tinygzsl sweep`."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

from ..errors import InputError
from .common import given, note
from .config import TOP, absolute_source, parse_set, refuse_views, resolve

MOST_RUNS = 100_000
OTHERS = ("device", "dtype")


def numbers(text: str, option: str) -> list[int]:
    """Return [1, 2, 5, 6, 7] for "1,2,5-7"; ValueError for anything else and for repetitions."""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
        if last < first:
            raise InputError(f"{option} has {part!r}; write numbers and ranges, like 1-3,7")
        if last - first >= MOST_RUNS:
            raise InputError(f"{option} has {part!r}, but a sweep has at most {MOST_RUNS} runs")
        found += range(first, last + 1)
    if len(set(found)) < len(found):
        raise InputError(f"{option} is {text!r}, with a number more than once; name each once")
    return found


def grid(sets: tuple[str, ...]) -> dict[str, list[Any]]:
    """Return {"gan.lr": [1e-4, 1e-5]} for ("gan.lr=1e-4,1e-5",); a list becomes a tuple.

    Commas inside brackets belong to a list: vsmm.hidden=[],[256],[256,256] are three values.
    """
    values: dict[str, list[Any]] = {}
    for pair in sets:
        name, equals, text = (part.strip() for part in pair.partition("="))
        if not equals or not name:
            raise InputError(
                f"--set got {pair!r}; write it as section.key=value,value, like gan.lr=1e-4,1e-5"
            )
        name = name.replace(".", "_").replace("_", ".", 1)  # gan_lr is gan.lr
        if name in TOP:
            raise InputError(f"{name} is not a setting; use --seeds, --preset or --config for it")
        if name in values:
            raise InputError(f"--set names {name} twice; give all its values in one --set")
        values[name] = []
        for part in re.split(r",(?![^\[]*\])", text):
            (value,) = parse_set((f"{name}={part}",)).values()
            if not part.strip() or value in values[name]:
                raise InputError(f"--set got {pair!r}; give each value once, none of them empty")
            values[name].append(value)
    return values


def plan_sweep(
    datasets, *, splits, seeds, sets, preset, config, root, prototypes
) -> tuple[Any, ...]:
    """Return the runs, in the order of the final file, and the plan, which identifies the sweep.

    The order is dataset, split, settings, seed. The plan is ready for JSON. Raises ValueError for
    settings that don't exist or are out of range, and for options that a sweep doesn't take.
    """
    from ..version import __version__

    values = grid(sets)
    splits = [None] if splits is None else numbers(splits, "--splits")
    seeds = [None] if seeds is None else numbers(seeds, "--seeds")
    combinations = [dict(zip(values, c, strict=True)) for c in itertools.product(*values.values())]
    datasets = datasets or (None,)
    total = len(datasets) * len(splits) * len(combinations) * len(seeds)
    if total > MOST_RUNS:
        raise InputError(f"these are {total} runs, but a sweep has at most {MOST_RUNS}")

    runs, bases = [], []
    top = given({"preset": preset})
    for dataset in datasets:
        named = given({"name_or_path": dataset, "root": root, "prototypes": prototypes})
        resolved = [(c, *_resolve(config, c, top=top, named=named)) for c in combinations]
        runs += _runs(
            resolved,
            splits=splits,
            seeds=seeds,
            varied=[k for k, v in values.items() if len(v) > 1],
        )
        _, params, source = resolved[0]
        bases.append((params["preset"], source, _settings(params)))
    presets, sources, settings = zip(*bases, strict=True)
    _check_names([source["name_or_path"] for source in sources])
    seeds, splits = ([run.key[name] for run in runs] for name in ("seed", "split"))
    plan = {
        "tinygzsl": __version__,
        "datasets": sources,
        "splits": list(dict.fromkeys(splits)),
        "seeds": list(dict.fromkeys(seeds)),
        "set": values,
        "presets": presets,
        "settings": settings,  # all of them, with the first values of `set`
    }
    return runs, plan


def _settings(params):
    """Return device, dtype and all settings, or what folds have found for preset best, for JSON."""
    from ..settings import BEST, settings_for

    found = {name: params[name] for name in OTHERS}
    if params["preset"] != BEST:
        names = {k: v for k, v in params.items() if k not in TOP}
        return {**found, **settings_for(params["preset"], names).sections()}
    if "fold_results" not in params:
        return found
    from ..runs.stack_config import sections

    return {**found, **sections(params["fold_results"])}


def _check_names(paths):
    from ..text import quoted

    names = [Path(path).name for path in paths]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"{' and '.join(p for p in paths if Path(p).name == name)} would both be called "
                f"{name} in the results; sweep them into files of their own"
            )
        if "\n" in name or "\r" in name:
            raise InputError(
                f"{quoted(name)} has a line break in its name, but a row of the results is one "
                "line; rename it"
            )


def _resolve(config, combination, *, top, named):
    """Return the complete constructor parameters and the absolute source."""
    from ..datasets.array_checks import check_dtype
    from ..nn.random import check_seed

    pairs = tuple(f"{name}={_text(value)}" for name, value in combination.items())
    params, source = resolve(config, pairs, top=top, source=named)
    params = {"seed": 0, "device": "cpu", "dtype": "float32", **params}
    check_seed(params["seed"])
    check_dtype(params["dtype"])
    return params, absolute_source(source)


def _text(value):
    """Return a value of the grid as text for --set; JSON's true, texts and lists are valid TOML."""
    return json.dumps(value, default=str)  # a date becomes text, which the settings refuse


def _runs(resolved, *, splits, seeds, varied):
    from ..sweeps.run import Run

    runs = []
    for split, (combination, params, source), seed in itertools.product(splits, resolved, seeds):
        split = source.get("split") if split is None else split
        seed = params["seed"] if seed is None else seed
        key = {
            "dataset": Path(source["name_or_path"]).name,
            "split": split,
            **{name: combination[name] for name in varied},
            "seed": seed,
        }
        source, params = {**source, "split": split}, {**params, "seed": seed}
        runs.append(Run(key=key, source=source, params=params))
    return runs


def check_sources(runs) -> None:
    """Load each dataset once, and check that all splits exist, before anything is written.

    Raises the errors of load_dataset and check_training.
    """
    from ..datasets import check_test, check_training, load_dataset
    from ..datasets.action import split_numbers

    splits: dict[str, set[Any]] = {}
    for run in runs:
        splits.setdefault(run.key["dataset"], set()).add(run.key["split"])
    for name, wanted in splits.items():
        first = next(run for run in runs if run.key["dataset"] == name)
        data = load_dataset(**first.source)
        check_training(data.training())
        check_test(data)
        refuse_views(first.params["preset"], data.seen_prototypes)
        folder = data.files[-1].parents[1] if first.source["split"] is not None else None
        absent = sorted(wanted - set(split_numbers(folder))) if folder else []
        if absent:
            raise InputError(
                f"{folder} has no split {absent[0]}; leave it out of --splits, or add "
                f"split_{absent[0]}/att_splits.mat"
            )


def engine_for(scheduler, *, processes, threads, total, stored) -> tuple[Any, ...]:
    """Return the engine for that many runs in total, and the threads of each run.

    Without --threads they are those of the stored plan, because a resumed sweep gives the same bits
    only with as many threads; without a plan they are cores / processes, or 1 with a scheduler
    elsewhere.
    """
    from ..runtime.threads import check_threads, default_threads
    from ..sweeps.cluster import LOCAL, DaskEngine, import_distributed
    from ..sweeps.local import LocalEngine

    cores, elsewhere = default_threads(), scheduler not in (None, LOCAL)
    if processes is not None and not 1 <= processes <= 1024:
        raise InputError(f"processes is {processes}; pass a whole number from 1 to 1024")
    if elsewhere and processes:
        raise InputError(
            f"--processes {processes} is for local processes, but {scheduler} has workers of its "
            "own; leave it out"
        )
    if elsewhere and not re.fullmatch(r"\w+://.+", scheduler):
        raise InputError(
            f"--scheduler is {scheduler!r}; pass local-cluster, or an address like "
            "tcp://192.168.0.1:8786"
        )
    processes = processes or min(cores, total)
    own = 1 if elsewhere else max(1, cores // processes)
    threads = check_threads(threads) or check_threads((stored or {}).get("threads")) or own
    if scheduler is None:
        return LocalEngine(processes), threads
    import_distributed()
    return DaskEngine(scheduler, processes, say=note), threads
