"""Methods, seeds and settings from the options of `tinygzsl compare`."""

from pathlib import Path
from typing import Any

from .sweep_plan import numbers

MOST_SEEDS = 100
TUNED_ON = "settings.sha256"  # checksum of the data on which settings.toml was chosen


def method_names(text: str | None) -> list[str]:
    """Return class names, and "ours", from names separated by commas; None stands for all."""
    from ..baselines import METHODS
    from ..baselines.methods import method
    from ..comparison.chosen import OURS

    if text is None:
        return [*METHODS, OURS]
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise ValueError(f"--methods is {text!r}; write names with commas, like ours,eszsl,sae")
    found = [OURS if part.casefold() == OURS else method(part).__name__ for part in parts]
    if len(set(found)) < len(found):
        raise ValueError(f"--methods is {text!r}, with a method more than once; name each once")
    return found


def seed_numbers(text: str) -> list[int]:
    """Return [0, 1, 2] for "3", a number of seeds, and [5, 6, 9] for "5-6,9"."""
    if not text.strip().isdecimal():
        return numbers(text, "--seeds")
    count = int(text)
    if not 1 <= count <= MOST_SEEDS:
        raise ValueError(f"--seeds is {count}; pass how many, from 1 to {MOST_SEEDS}, or a range")
    return list(range(count))


def chosen_settings(
    names: list[str], *, dataset: str, label: str, path: str | None
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
    chosen = {name: chosen_for(name, label, path=file) for name in [*names, OURS]}
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
        raise ValueError(f"{file} has no settings; write sections like [SAE.{wanted[0]}]")
    if not places & set(wanted):
        has, missing = ", ".join(sorted(places)), " or ".join(wanted)
        raise ValueError(f"{file} has settings for {has}, but none for {missing}")


def folder_for(out: str | None) -> Path | None:
    """Return the folder of --out, which need not exist; ValueError if a file has that name."""
    folder = Path(out) if out else None
    if folder and folder.exists() and not folder.is_dir():
        raise ValueError(f"{out} is a file; pass a folder as --out")
    return folder


def check_useful(names: list[str], *, routed: bool, tune: bool, folder: Path | None) -> None:
    """ValueError if --routed or --tune would have no effect, or --tune has no folder."""
    from ..comparison.chosen import OURS

    if tune and folder is None:
        raise ValueError("--tune writes the chosen settings to a file; pass --out FOLDER for it")
    if set(names) != {OURS}:
        return
    if routed:
        raise ValueError(
            "--routed would do nothing: ours has its router already; name other methods too"
        )
    if tune:
        raise ValueError(
            "--tune would do nothing: the settings of ours are chosen by `tinygzsl tune`; name "
            "other methods too"
        )


def tuned(
    chosen: dict[str, Any],
    names: list[str],
    training,
    *,
    label: str,
    folder: Path,
    sha256: str,
    say,
) -> dict[str, Any]:
    """Return `chosen` with the settings that validation finds for the named methods, except ours.

    They are written to folder/settings.toml after each method. Existing settings in it are used if
    they were chosen on the same data. A method that diverges with all settings of its grid keeps
    its settings.
    """
    from ..comparison.chosen import OURS, read_settings, write_settings
    from ..comparison.grid_search import validation_folds

    path, place = folder / "settings.toml", label.casefold()
    folder.mkdir(parents=True, exist_ok=True)
    _check_same_data(path, sha256)
    found = read_settings(path) if path.exists() else {}
    folds = validation_folds(training)
    for name in [name for name in names if name != OURS]:
        if (name, place) not in found:
            try:
                found[name, place] = _searched(
                    name, chosen[name].params, folds, label=label, say=say
                )
            except FloatingPointError as error:
                say(f"warning: {error}")
                continue
            except KeyboardInterrupt:
                say(f"stopped with {len(found)} methods in {path}; the same command continues")
                raise
            write_settings(path, found)
        chosen = {**chosen, name: found[name, place]}
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
        raise ValueError(
            f"{path} was chosen on other data or another split (see {beside.name}); choose another "
            "--out, or pass it as --settings without --tune"
        )
    if known != sha256:
        write_text(beside, sha256 + "\n")


def _searched(name, start, folds, *, label, say):
    from ..baselines.methods import method
    from ..comparison.chosen import Chosen
    from ..comparison.grid_search import search

    kind = method(name)
    params, best = search(kind, folds, start=start, on_trial=_teller(kind, say))
    origin = f"validated: tinygzsl compare {label} --tune, mean H {best.H:.3f}"
    return Chosen({**params, "offset": round(best.offset, 6)}, origin)


def _teller(kind, say):
    def tell(trial, number, total):
        h = f"H {trial.calibration.H:.4f}" if trial.calibration else "diverged"
        pairs = " ".join(f"{k}={v}" for k, v in trial.params.items())
        say(f"[{number}/{total}] {kind.title} on the folds: {h}  {pairs}")

    return tell
