"""`tinygzsl predict`: label, route, entropy, score and gate for every row of a feature file."""

import csv
import io
from pathlib import Path

import click

from .common import emit, emit_data, errors_as_sentences, json_option, note, threaded


@click.command()
@click.argument("run")
@click.argument("features")
@click.option("--unseen", help="CSV with the unseen classes' prototypes: label, then attributes.")
@click.option("--out", help="CSV to write; by default it goes to stdout.")
@click.option("--device", help="cpu or cuda.  [default: the run's]")
@json_option
@errors_as_sentences
@threaded
def predict(run, features, unseen, out, device, as_json):
    """Predict labels for a file of features.

    RUN is a folder made by `train` or a model file, FEATURES a .npy or .csv file. A feature CSV has
    a header row and one column per feature; a first column called `label` is ignored. Seen classes
    in --unseen are ignored too, so it may be a prototypes.csv of all classes. Without --unseen only
    seen classes are predicted.
    """
    from .. import load_model
    from ..runs.folder import MODEL
    from ..runs.manifest import check_model_file

    folder = Path(run) if Path(run).is_dir() else None
    model = load_model(folder / MODEL if folder else run, device)
    if folder:
        check_model_file(folder)
    prototypes, classes = _read_unseen(model, unseen) if unseen else (None, None)
    result = model.route(_read_features(features), prototypes, classes)
    columns = {name: getattr(result, name).tolist() for name in result._fields}
    if out:
        from ..storage.checksums import write_text

        write_text(Path(out), _csv(columns))
        note(f"wrote {len(result.label)} rows to {out}")
    if as_json:
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        emit({"predictions": rows, "out": out}, as_json=True, text="")
    elif not out:
        emit_data(_csv(columns))


def _csv(columns):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for label, route, *numbers in zip(*columns.values(), strict=True):
        writer.writerow([label, route, *(f"{number:.6g}" for number in numbers)])
    return text.getvalue()


def _read_features(path):
    from ..storage.npy import map_npy

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; pass a .npy or .csv file of features")
    return map_npy(path) if path.suffix.lower() == ".npy" else _read_csv(path)


def _read_csv(path):
    import warnings

    import numpy as np

    from ..datasets.csv_cells import ENCODING, is_number, not_utf8, read_table
    from ..text import shown

    try:
        with open(path, encoding=ENCODING) as file:
            names = file.readline().rstrip("\n").split(",")
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from None
    if names[0] == "label":
        return read_table(path)[1]
    if all(is_number(name) for name in names):
        raise ValueError(f"{path} starts with numbers; give it a header row, like f0,f1,f2")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a file without rows, which the model refuses
            return np.loadtxt(
                path, delimiter=",", comments=None, skiprows=1, ndmin=2, encoding=ENCODING
            )
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from None
    except ValueError as error:
        words = shown(" ".join(str(error).split()), 200)
        raise ValueError(
            f"{path} is not a CSV file of numbers with a header row ({words}); correct it"
        ) from None


def _read_unseen(model, path):
    import numpy as np

    from ..datasets.csv_cells import read_table
    from ..datasets.labels import labels_from_text

    labels, prototypes, _ = read_table(Path(path))
    if model.classes_.dtype.kind == "U":
        classes = np.array(labels)
    else:
        (classes,) = labels_from_text(labels)
    new = ~np.isin(classes, model.classes_)
    return prototypes[new], classes[new]
