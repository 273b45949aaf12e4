"""`tinygzsl predict`: label, route, entropy and score of every row of a feature file."""

import csv
import io
from pathlib import Path

import click

from .common import emit, errors_as_sentences, json_option, note, threaded


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
    a header row and one column per feature; a first column called `label` is ignored. Classes of
    --unseen that the model has seen are ignored too, so a prototypes.csv of all classes will do.
    Without --unseen only seen classes are predicted.
    """
    from .. import load_model
    from ..runs import MODEL

    model = load_model(Path(run) / MODEL if Path(run).is_dir() else run, device)
    rows = _predict(model, _read_features(features), unseen and _read_unseen(model, unseen))
    if out:
        from ..runs import write_text

        write_text(Path(out), _csv(rows))
        note(f"wrote {len(rows)} rows to {out}")
    if as_json:
        emit({"predictions": rows, "out": out}, True, "")
    elif not out:
        click.echo(_csv(rows), nl=False)


def _predict(model, X, unseen):
    import numpy as np

    if unseen:
        result = model.route(X, *unseen)
    else:
        p = model.predict_proba(X)
        label = model.classes_[p.argmax(axis=1)]
        result = label, np.full(len(X), "SL"), model.entropy(X), p.max(axis=1)
    names = ("label", "route", "entropy", "score")
    columns = [column.tolist() for column in result]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _csv(rows):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["label", "route", "entropy", "score"])
    for r in rows:
        writer.writerow([r["label"], r["route"], f"{r['entropy']:.6g}", f"{r['score']:.6g}"])
    return text.getvalue()


def _read_features(path):
    import numpy as np

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; pass a .npy or .csv file of features")
    if path.suffix.lower() != ".npy":
        return _read_csv(path)
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} is no array of numbers in .npy format ({error})") from None


def _read_csv(path):
    import warnings

    import numpy as np

    from ..datasets.csv_cells import ENCODING, is_number, read_table

    with open(path, encoding=ENCODING) as file:
        names = file.readline().rstrip("\n").split(",")
    if names[0] == "label":
        return read_table(path)[1]
    if all(is_number(name) for name in names):
        raise ValueError(f"{path} starts with numbers; give it a header row, like f0,f1,f2")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of no rows, which the model will refuse
            return np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2, encoding=ENCODING)
    except ValueError as error:
        raise ValueError(f"{path} is no CSV of numbers under a header row ({error})") from None


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
