"""`tinygzsl data`: inspect or convert a dataset. NaN and infinity are reported, not refused."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import InputError
from .common import emit, errors_as_sentences, given, json_option, output_file, source_options

if TYPE_CHECKING:
    import numpy as np

    from ..datasets import Dataset

ARRAYS = ("X_train", "y_train", "X_test", "y_test", "seen_prototypes", "unseen_prototypes")


@click.group()
def data() -> None:
    """Inspect datasets and convert them."""


@data.command()
@click.argument("source")
@source_options
@json_option
@errors_as_sentences
def inspect(source: str, as_json: bool, **how: Any) -> None:
    """Show what is in SOURCE: a name (letters, awa1, ...), an .npz file or a folder.

    Of an .npz file or a CSV folder all views of the prototypes are shown, unless some are asked
    for.
    """
    facts = describe(load(source, how))
    emit(facts, as_json=as_json, text=as_text(facts))


@data.command()
@click.argument("source")
@click.argument("dest")
@click.option("--force", is_flag=True, help="Replace what is at DEST.")
@source_options
@json_option
@errors_as_sentences
def convert(source: str, dest: str, as_json: bool, force: bool, **how: Any) -> None:
    """Convert SOURCE to DEST: an .npz file, or a folder that gets CSV files.

    Of an .npz file or a CSV folder all views of the prototypes are written, unless some are asked
    for.
    """
    from ..datasets import save_csv, save_npz
    from ..storage.output import output_folder

    as_npz = Path(dest).suffix.lower() == ".npz"
    file = output_file(dest, as_json=as_json) if as_npz else None
    check_target(Path(dest), as_npz=as_npz, force=force)
    if not file:
        output_folder(dest)
    dataset = load(source, how)
    (save_npz if as_npz else save_csv)(dataset, dest)
    fields = {"class_names": dataset.class_names, "validation": dataset.validation}
    left_out = [] if as_npz else [name for name, value in fields.items() if value]
    facts = {
        "source": source,
        "dest": dest,
        "format": "npz" if as_npz else "csv",
        "left_out": left_out,
    }
    tail = f", without {' and '.join(left_out)}, which CSV can't hold" if left_out else ""
    emit(facts, as_json=as_json, text=f"wrote {dataset!r} to {dest}{tail}", beside=file)


def load(source: str, how: dict[str, Any]) -> "Dataset":
    """Load a dataset with all views of the prototypes that its files have, unless --prototypes."""
    from ..datasets import load_dataset
    from ..datasets.find import views_of

    how = given(how)
    return load_dataset(source, **{"prototypes": views_of(source, how.get("root")), **how})


def check_target(dest: Path, *, as_npz: bool, force: bool) -> None:
    """Raise ValueError if DEST can't be written, or exists and --force is not given."""
    if not as_npz and dest.suffix.lower() in (".csv", ".mat", ".h5", ".zip"):
        raise InputError(f"DEST is {dest}; give a name that ends in .npz, or a folder for CSV")
    if dest.exists() and dest.is_dir() == as_npz:
        there, wanted = ("folder", "file") if as_npz else ("file", "folder")
        raise InputError(
            f"{dest} is a {there} but a {wanted} is to be written; choose another DEST"
        )
    occupied = dest.is_file() or (dest.is_dir() and any(dest.iterdir()))
    if occupied and not force:
        raise InputError(f"{dest} exists already; choose another DEST or pass --force")


def describe(dataset: "Dataset") -> dict[str, Any]:
    """Return what `inspect` shows, as a dict that JSON can hold."""
    import numpy as np

    from ..datasets.views import named_tables

    arrays = {
        called: array
        for name in ARRAYS
        for called, array in named_tables(name, getattr(dataset, name)).items()
    }
    finite = dataset.X_train[np.isfinite(dataset.X_train)]
    return {
        "name": dataset.name,
        "files": [str(path) for path in dataset.files],
        "shapes": {name: list(array.shape) for name, array in arrays.items()},
        "dtypes": {name: str(array.dtype) for name, array in arrays.items()},
        "n_seen_classes": len(dataset.seen_classes),
        "n_unseen_classes": len(dataset.unseen_classes),
        "samples": {
            "train": len(dataset.y_train),
            "test_seen": len(dataset.y_test_seen),
            "test_unseen": len(dataset.y_test_unseen),
        },
        "samples_per_class": {
            "train": per_class(dataset.y_train),
            "test_seen": per_class(dataset.y_test_seen),
            "test_unseen": per_class(dataset.y_test_unseen),
        },
        "train_range": [finite.min().item(), finite.max().item()] if finite.size else None,
        "non_finite": {
            name: int(np.count_nonzero(~np.isfinite(array)))
            for name, array in arrays.items()
            if array.dtype.kind == "f"
        },
        "validation": dataset.validation and [len(rows) for rows in dataset.validation],
        "notes": list(dataset.notes),
    }


def per_class(labels: "np.ndarray") -> dict[str, float] | None:
    """Return minimum, median and maximum samples per class, or None without samples."""
    import numpy as np

    if len(labels) == 0:
        return None
    counts = np.unique(labels, return_counts=True)[1]
    return {
        "min": int(counts.min()),
        "median": float(np.median(counts)),
        "max": int(counts.max()),
    }


def as_text(facts: dict[str, Any]) -> str:
    """Return the same facts as text."""
    shapes = facts["shapes"]
    lines = [
        f"{facts['name']}: {facts['n_seen_classes']} seen and "
        f"{facts['n_unseen_classes']} unseen classes"
    ]
    width = max(18, *map(len, shapes))
    for name, shape in shapes.items():
        bad = facts["non_finite"].get(name)
        tail = f", {bad} non-finite" if bad else ""
        size = " x ".join(map(str, shape))
        lines.append(f"  {name:{width}} {size:>14}  {facts['dtypes'][name]}{tail}")
    for part, counts in facts["samples_per_class"].items():
        text = "none"
        if counts:
            text = (
                f"{facts['samples'][part]}, per class min {counts['min']}, "
                f"median {counts['median']:g}, max {counts['max']}"
            )
        lines.append(f"  samples {part:12} {text}")
    if facts["train_range"]:
        low, high = facts["train_range"]
        lines.append(f"  training features  {low:.4g} to {high:.4g}")
    if facts["validation"]:
        train, validation = facts["validation"]
        lines.append(f"  validation         {train} and {validation} training rows")
    lines += [f"  note: {note}" for note in facts["notes"]]
    lines += [f"  file: {path}" for path in facts["files"]]
    return "\n".join(lines)
