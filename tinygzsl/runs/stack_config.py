"""config.toml of a run of preset "best": the data, and what the folds have found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import InputError
from ..settings import BEST
from ..stacking.fold_results import FoldResults
from ..storage.arrays_file import DAMAGED
from ..text import shown
from .config import read_toml, source_lines, toml_value

HEAD = "# For `tinygzsl train --config`."
# Comments above the sections and keys that hold what the folds have found.
SECTIONS = {
    "decision": "Fitted on folds of the training samples. Without these sections, `train` fits it.",
    "gate": "P(seen) = sigmoid(kappa g - offset), where g = intercept + weights . features.",
    "held_out_h": "H of each fold with the decision of the others, by the gate's features.",
}
KEYS = {
    "seen_weights": "Of each expert's scores among seen classes.",
    "unseen_weights": "Of each expert's F among unseen classes.",
    "fold_unseen": "The number of pseudo-unseen classes of each fold.",
    "means": "With the deviations, they scale the features to mean 0 and deviation 1.",
}


def stack_config_text(top: dict[str, Any], data: dict[str, Any], found: FoldResults | None) -> str:
    """Return the text of a config.toml: top-level keys, [data], and what the folds have found."""
    lines = [HEAD, *(f"{key} = {toml_value(value)}" for key, value in top.items())]
    lines += source_lines(data)
    for section, values in ({} if found is None else sections(found)).items():
        lines += ["", f"# {SECTIONS[section]}", f"[{section}]"]
        for key, value in values.items():
            lines += [f"# {KEYS[key]}"] if key in KEYS else []
            lines.append(f"{_key(key)} = {toml_value(value)}")
    return "\n".join(lines) + "\n"


def read_fold_results(path: Any) -> FoldResults | None:
    """Return what the folds have found, from a config.toml of preset "best", None without it.

    Raises FileNotFoundError, or ValueError for invalid TOML, for settings, which the preset doesn't
    have, and for numbers that are missing or don't fit.
    """
    path = Path(path)
    nested = read_toml(path, "--config")
    given = {k: v for k, v in nested.items() if isinstance(v, dict) and k != "data"}
    if not given:
        return None
    unknown = [name for name in given if name not in SECTIONS]
    if unknown:
        raise InputError(
            f"{path} has the section [{shown(unknown[0])}], but preset {BEST!r} has no settings; "
            "delete it"
        )
    try:
        return _from_sections(given)
    except DAMAGED as error:
        words = str(error) if isinstance(error, ValueError) else f"missing or wrong: {error}"
        raise InputError(
            f"{path} has no valid numbers of the decision ({shown(words, 100)}); restore them, or "
            f"delete the sections {', '.join(SECTIONS)} to have them fitted"
        ) from None


def sections(found: FoldResults) -> dict[str, dict[str, Any]]:
    """Return what the folds have found, by section of config.toml."""
    header = found.header()
    decision = dict(header["decision"])
    gate = decision.pop("gate")
    return {
        "decision": {"experts": found.experts, **decision, "fold_unseen": header["fold_unseen"]},
        "gate": gate,
        "held_out_h": {", ".join(kinds): h for kinds, h in header["held_out_h"]},
    }


def _from_sections(given: dict[str, dict[str, Any]]) -> FoldResults:
    decision = dict(given["decision"])
    experts, fold_unseen = decision.pop("experts"), decision.pop("fold_unseen")
    header = {
        "decision": {**decision, "gate": given["gate"]},
        "held_out_h": [[kinds.split(", "), h] for kinds, h in given["held_out_h"].items()],
        "fold_unseen": fold_unseen,
    }
    return FoldResults.from_header(header, experts)


def _key(name: str) -> str:
    return name if name.isidentifier() else toml_value(name)
