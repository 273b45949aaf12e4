"""`tinygzsl predict`: the label of every row of a feature file, and what a model says of it."""

import csv
import io
import re
from pathlib import Path

import click

from ..errors import InputError
from .common import (
    emit,
    emit_data,
    errors_as_sentences,
    json_option,
    note,
    output_file,
    threaded,
)


@click.command()
@click.argument("run")
@click.argument("features")
@click.option(
    "--unseen",
    multiple=True,
    metavar="[VIEW=]FILE",
    help="CSV with the unseen classes' prototypes: label, then attributes. Once per view, like "
    "att=FILE, for a model with several.",
)
@click.option("--out", help="CSV to write; by default it goes to stdout.")
@click.option("--device", help="cpu or cuda.  [default: the run's]")
@json_option
@errors_as_sentences
@threaded
def predict(run, features, unseen, out, device, as_json):
    """Predict labels for a file of features.

    RUN is a folder made by `train` or a model file, FEATURES a .npy or .csv file, or a pipe like
    /dev/stdin that gives the content of one. Each row gets its label, route, entropy, score and
    gate; of a baseline's file, label and score. A feature CSV has a header row and one column per
    feature; a first column called `label` is ignored. Seen classes in --unseen are ignored too, so
    it may be a prototypes.csv of all classes. Without --unseen only seen classes are predicted. A
    model trained with names of columns needs the same names in CSV files, in any order.
    """
    from .. import load_model
    from ..datasets.named_columns import Names
    from ..runs.folder import MODEL
    from ..runs.manifest import check_model_file
    from ..storage.streams import as_file

    file = None
    if out is not None:
        file = output_file(out, as_json=as_json, inputs=(run, features))
    folder = Path(run) if Path(run).is_dir() else None
    model = load_model(folder / MODEL if folder else run, device)
    if folder:
        check_model_file(folder)
    prototypes, classes = _read_unseen(model, unseen) if unseen else (None, None)
    names = Names.of_model(model).features
    with as_file(features) as path:
        X = _in_order(features, _read_features(path), names)
        columns = _columns(model, X, prototypes, classes=classes)
    if file:
        file.write(_csv(columns))
        note(f"wrote {len(columns['label'])} rows to {out}")
    if as_json:
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        emit({"predictions": rows, "out": out}, as_json=True, text="")
    elif not file:
        emit_data(_csv(columns))


def _columns(model, X, prototypes, *, classes):
    """Return lists by name: the label of each row first, then what else the model says of it."""
    from ..baselines.common.base import Baseline

    if isinstance(model, Baseline):
        found = {
            "label": model.predict(X, prototypes, classes),
            "score": model.predict_proba(X, prototypes).max(axis=1),
        }
    else:
        found = model.route(X, prototypes, classes)._asdict()
    return {name: column.tolist() for name, column in found.items()}


def _csv(columns):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        writer.writerow([f"{value:.6g}" if isinstance(value, float) else value for value in row])
    return text.getvalue()


def _in_order(path, table, names):
    """Return a CSV file's table with its columns in the order of the model's names, if it has any.

    ValueError for a column that is missing or unknown.
    """
    from ..datasets.named_columns import Table, column_order

    if names is None:
        return table.array
    if not len(table):
        return Table(table.array, names)  # the model says that it has no rows
    order = column_order(path, table.columns, wanted=names)
    if order is None:
        return table.bare
    note(f"note: the columns of {path} are put in the order of the model's")
    return Table(table.array[:, order], names)


def _read_features(path):
    from ..datasets.named_columns import Table
    from ..storage.npy import map_npy

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; pass a .npy or .csv file of features")
    return Table(map_npy(path)) if path.suffix.lower() == ".npy" else _read_csv(path)


def _read_csv(path):
    import warnings

    import numpy as np

    from ..datasets.csv_cells import ENCODING, header, is_number, not_utf8, read_table
    from ..datasets.named_columns import Table
    from ..text import shown

    try:
        names = header(path)
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from None
    except csv.Error as error:
        raise InputError(f"{path} is not a CSV file ({error}); save it as one") from None
    if names[:1] == ["label"]:
        _, numbers, names = read_table(path)
        return Table(numbers, tuple(names))
    if names and all(is_number(name) for name in names):
        raise InputError(f"{path} starts with numbers; give it a header row, like f0,f1,f2")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a file without rows, which the model refuses
            numbers = np.loadtxt(
                path,
                delimiter=",",
                quotechar='"',
                comments=None,
                skiprows=1,
                ndmin=2,
                encoding=ENCODING,
            )
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from None
    except ValueError as error:
        words = shown(" ".join(str(error).split()), 200)
        raise InputError(
            f"{path} is not a CSV file of numbers with a header row ({words}); correct it"
        ) from None
    if numbers.size and numbers.shape[1] != len(names):
        raise InputError(
            f"{path} has {len(names)} names in its header but {numbers.shape[1]} numbers per line; "
            "give each column one name"
        )
    return Table(numbers, tuple(names))


def _read_unseen(model, given):
    """Return the prototypes in the files of --unseen without seen classes, and their classes."""
    import numpy as np

    from ..datasets.csv_folder import read_views
    from ..datasets.labels import labels_from_text
    from ..datasets.named_columns import Names
    from ..datasets.views import ONE

    files = _files_by_view(given)
    _check_views(list(files), getattr(model, "views_", (ONE,)))
    labels, tables = read_views(files)
    if model.classes_.dtype.kind == "U":
        classes = np.array(labels)
    else:
        (classes,) = labels_from_text(labels)
    new = ~np.isin(classes, model.classes_)
    names = Names.of_model(model).attributes
    prototypes = {
        view: _in_order(files[view], table.rows(new), names.get(view))
        for view, table in tables.items()
    }
    return prototypes[ONE] if list(prototypes) == [ONE] else prototypes, classes[new]


def _files_by_view(given):
    """Return {"att": Path("a.csv")} for ("att=a.csv",), and {"prototypes": path} for one file."""
    from ..datasets.views import ONE, check_view_names

    names, paths = [], []
    for text in given:
        match = None if Path(text).is_file() else re.fullmatch(r"([\w.-]+)=(.+)", text)
        names.append(match[1] if match else ONE)
        paths.append(Path(match[2] if match else text))
    if len(names) > 1 and ONE in names:
        raise InputError(
            f"--unseen has {len(names)} files but {given[names.index(ONE)]} is of no named view; "
            "write each as VIEW=FILE, like att=prototypes.csv"
        )
    check_view_names(names)
    return dict(zip(names, paths, strict=True))


def _check_views(names, needed):
    """ValueError unless --unseen has a file for each view of the model, and no other."""
    from ..datasets.views import ONE

    if set(names) == set(needed):
        return
    given = "one file without a view's name" if names == [ONE] else ", ".join(names)
    needs, files = ", ".join(needed), " ".join(f"--unseen {view}=FILE" for view in needed)
    if list(needed) == [ONE]:
        needs, files = "one array of prototypes", "--unseen FILE"
    raise InputError(f"--unseen has {given} but the model was trained on {needs}; pass {files}")
