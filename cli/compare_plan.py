"""Methods, seeds and settings from the options of `tinygzsl compare`."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import InputError
from .sweep_plan import numbers

MOST_SEEDS = 100
TUNED_ON = "settings.sha256"  # checksum of the data on which settings.toml was chosen


def method_names(text: str | None) -> list[str]:
    """Return class names, "ours" and "best", from names with commas; None stands for all."""
    from ..baselines import METHODS
    from ..baselines.methods import method
    from ..comparison.methods import GATED

    if text is None:
        return [*METHODS, *GATED]
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise InputError(f"--methods is {text!r}; write names with commas, like ours,eszsl,sae")
    gated = {name.casefold(): name for name in GATED}
    found = [gated.get(part.casefold()) or method(part).__name__ for part in parts]
    if len(set(found)) < len(found):
        raise InputError(f"--methods is {text!r}, with a method more than once; name each once")
    return found


@contextmanager
def importing_from_here() -> Iterator[None]:
    """Let modules of the current folder be imported, before installed ones, as `python -m` does."""
    sys.path.insert(0, "")
    try:
        yield
    finally:
        with suppress(ValueError):  # what was imported may have removed it
            sys.path.remove("")


def own_methods(
    texts: tuple[str, ...], *, on_traceback: Callable[[str], None] | None
) -> dict[str, Any]:
    """Return {name: Method} of the classes of --method."""
    if on_traceback and not texts:
        raise InputError("--traceback would do nothing: it is for errors of a class of --method")
    if not texts:
        return {}
    from ..comparison.own_class import load_all

    methods = [own.as_method() for own in load_all(texts, on_traceback=on_traceback)]
    return {method.name: method for method in methods}


def reference(text: str | None, names: list[str], *, own: dict[str, Any]) -> str:
    """Return the name of the method of --against, by default ours or else the first of --methods.

    The default is not the best one: its H would be the greatest by luck in part, and the
    differences to it too.
    """
    from ..baselines.methods import method
    from ..comparison.chosen import OURS
    from ..comparison.methods import GATED
    from ..text import nearest

    if text is None:
        return OURS if OURS in names else next(name for name in names if name not in own)
    plain = text.strip()
    by_name = {name.casefold(): name for name in (*own, *GATED)}
    try:
        found = by_name.get(plain.casefold()) or method(plain).__name__
    except ValueError:
        raise InputError(
            f"--against is {text!r}, which is no method; {nearest(plain, names)}"
        ) from None
    if found not in names:
        raise InputError(
            f"--against is {text!r}, which takes no part; add it to --methods, or name one of "
            f"{', '.join(names)}"
        )
    if len(names) == 1:
        raise InputError(f"--against {text} would do nothing: name other methods too")
    return found


def seed_numbers(text: str) -> list[int]:
    """Return [0, 1, 2] for "3", a number of seeds, and [5, 6, 9] for "5-6,9"."""
    if not text.strip().isdecimal():
        return numbers(text, "--seeds")
    count = int(text)
    if not 1 <= count <= MOST_SEEDS:
        raise InputError(f"--seeds is {count}; pass how many, from 1 to {MOST_SEEDS}, or a range")
    return list(range(count))


def chosen_settings(
    names: list[str], *, own: dict[str, Any], dataset: str, label: str, path: str | None
) -> dict[str, Any]:
    """Return {name: Chosen} for the methods and for ours, whose router --routed uses.

    dataset is as on the command line, label its name in settings files. Without settings in a file,
    ours has the dataset's preset.
    """
    from ..comparison.chosen import DEFAULT, OURS, Chosen, chosen_for
    from .config import resolve

    file = Path(path) if path else None
    if file:
        check_named(file, [label])
    sections = {name: own[name].section if name in own else name for name in [*names, OURS]}
    chosen = {name: chosen_for(at, label, path=file) for name, at in sections.items()}
    if chosen[OURS].origin == DEFAULT:
        params, _ = resolve(None, (), top={}, source={"name_or_path": dataset})
        chosen[OURS] = Chosen(params, f"preset {params['preset']}")
    return chosen


def check_named(file: Path, labels: list[str]) -> None:
    """ValueError if the file has no settings for any of these datasets."""
    from ..comparison.chosen import read_settings

    places = {dataset for _, dataset in read_settings(file)}
    wanted = [label.casefold() for label in labels]
    if not places:
        raise InputError(f"{file} has no settings; write sections like [SAE.{wanted[0]}]")
    if not places & set(wanted):
        has, missing = ", ".join(sorted(places)), " or ".join(wanted)
        raise InputError(f"{file} has settings for {has}, but none for {missing}")


def folder_for(out: str | None) -> Path | None:
    """Return the folder of --out, which need not exist; ValueError if it can't be one."""
    from ..storage.output import output_folder

    return None if out is None else output_folder(out)


def check_useful(
    names: list[str], *, routed: bool, tune: bool, predictions: bool, folder: Path | None
) -> None:
    """ValueError if --routed or --tune would have no effect, or a file would have no folder."""
    from ..comparison.methods import GATED

    if tune and folder is None:
        raise InputError("--tune writes the chosen settings to a file; pass --out FOLDER for it")
    if predictions and folder is None:
        raise InputError("--predictions writes a file for each row; pass --out FOLDER for them")
    if not set(names) <= set(GATED):
        return
    if routed:
        raise InputError(
            f"--routed would do nothing for {' and '.join(names)}, which has a gate already; name "
            "other methods too"
        )
    if tune:
        raise InputError(
            "--tune would do nothing: `tinygzsl tune` chooses the settings of ours, and best has "
            "none; name other methods too"
        )


def check_views(prototypes: Any, names: list[str], *, own: Mapping[str, Any]) -> None:
    """ValueError for several views of the prototypes if a method takes one.

    best takes several, and a class of the user's may.
    """
    from ..settings import BEST

    one = [name for name in names if name != BEST and name not in own]
    if one and isinstance(prototypes, Mapping):
        raise InputError(
            f"{one[0]} takes one view of the prototypes, but --prototypes has "
            f"{' and '.join(prototypes)}; pass one, or leave {one[0]} out: best takes several"
        )


def tuned(
    chosen: dict[str, Any],
    names: list[str],
    training,
    *,
    own: dict[str, Any],
    label: str,
    folder: Path,
    sha256: str,
    say,
) -> dict[str, Any]:
    """Return `chosen` with the settings that validation finds for the named methods, except ours.

    They are written to folder/settings.toml after each method. Existing settings in it are used if
    they were chosen on the same data, and for a user's class with the same code. A method that
    diverges with all settings of its grid keeps its settings.
    """
    from ..comparison.chosen import read_settings, write_settings
    from ..comparison.grid_search import validation_folds
    from ..comparison.methods import find

    path, place = folder / "settings.toml", label.casefold()
    folder.mkdir(parents=True, exist_ok=True)
    _check_same_data(path, sha256)
    found = read_settings(path) if path.exists() else {}
    folds = validation_folds(training)
    for method in [find(name, own) for name in names]:
        if method.has_gate:
            continue  # `tinygzsl tune` chooses its settings
        name, section = method.name, method.section
        known = found.get((section, place))
        if known is None or not known.origin.endswith(_code(method)):
            try:
                found[section, place] = _searched(
                    method, chosen[name].params, folds, label=label, say=say
                )
            except FloatingPointError as error:
                say(f"warning: {error}")
                continue
            except KeyboardInterrupt:
                say(f"stopped with {len(found)} methods in {path}; the same command continues")
                raise
            write_settings(path, found)
        chosen = {**chosen, name: found[section, place]}
    say(f"settings: {path}" if found else f"no method could be tuned, so there is no {path}")
    return chosen


def _check_same_data(path: Path, sha256: str) -> None:
    """ValueError unless existing settings were chosen on the same data.

    Seen classes of another split may be unseen here. The data's checksum is in a file beside the
    settings.
    """
    from ..storage.checksums import write_text

    beside = path.with_name(TUNED_ON)
    known = beside.read_text(encoding="utf-8").strip() if beside.is_file() else "unknown data"
    if path.exists() and known != sha256:
        raise InputError(
            f"{path} was chosen on other data or another split (see {beside.name}); choose another "
            "--out, or pass it as --settings without --tune"
        )
    if known != sha256:
        write_text(beside, sha256 + "\n")


def _searched(method, start, folds, *, label, say):
    from ..comparison.chosen import Chosen
    from ..comparison.grid_search import search

    params, best = search(method.kind, folds, start=start, on_trial=_teller(method.title, say))
    origin = f"validated: tinygzsl compare {label} --tune, mean H {best.H:.3f}{_code(method)}"
    if method.takes_offset:
        params = {**params, "offset": round(best.offset, 6)}
    return Chosen(params, origin)


def _code(method):
    """Return ", code 1a2b3c4d" for a user's class, so that settings of older code are noticed."""
    sha256 = method.facts.get("code_sha256")
    return f", code {sha256[:8]}" if sha256 else ""


def _teller(title, say):
    def tell(trial, number, total):
        h = f"H {trial.calibration.H:.4f}" if trial.calibration else "diverged"
        pairs = " ".join(f"{k}={v}" for k, v in trial.params.items())
        say(f"[{number}/{total}] {title} on the folds: {h}  {pairs}")

    return tell
