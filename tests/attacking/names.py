"""Columns by name and prototype rows by class: in the model's order, or a sentence that names it.

Frame has what the package may look at in a data frame of pandas, so that cases need no pandas.
"""

import csv
import io

import numpy as np
from fuzzing.bases import dataset

from tinygzsl import load_model

from .judge import Finding, check_ended, invoke, must_refuse, same_as
from .models import fitted, run_folder, sources, unfitted

FEATURES = [f"wing {i}" for i in range(5)]
ATTRIBUTES = ["red", "blue", "green"]


class Frame:
    """Rows with names of columns and, for prototypes, of rows."""

    def __init__(self, values, columns, index=None):
        self.values = np.asarray(values)
        self.columns = np.array(columns, dtype=object)
        self.index = range(len(self.values)) if index is None else _index(index)

    @property
    def shape(self):
        return self.values.shape

    def __len__(self):
        return len(self.values)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)

    def by_columns(self, order):
        """The same table with its columns in another order."""
        return Frame(self.values[:, order], self.columns[order], self._classes())

    def by_rows(self, order):
        """The same table with its rows in another order, or some of them."""
        return Frame(self.values[order], self.columns, np.asarray(self.index)[order])

    def renamed(self, at, name):
        """The same table with another name of a column."""
        columns = self.columns.copy()
        columns[at] = name
        return Frame(self.values, columns, self._classes())

    def _classes(self):
        """The index, if somebody has set it."""
        return None if isinstance(self.index, range) else self.index


def _index(labels):
    """Labels as in pandas: numbers as such, text as objects."""
    array = np.array(list(labels))
    return array.astype(object) if array.dtype.kind == "U" else array


def _frames(text):
    """The arguments of fit and predict as frames."""
    data = dataset(text)
    return {
        "X_train": Frame(data.X_train, FEATURES),
        "seen": Frame(data.seen_prototypes, ATTRIBUTES, data.seen_classes),
        "X": Frame(data.X_test, FEATURES),
        "unseen": Frame(data.unseen_prototypes, ATTRIBUTES, data.unseen_classes),
    }


NAMED = {}  # models fitted on frames, by name and kind of labels


def _named(name, text, folder):
    if (name, text) not in NAMED:
        frames, data = _frames(text), dataset(text)
        NAMED[name, text] = unfitted(name).fit(frames["X_train"], data.y_train, frames["seen"])
    return NAMED[name, text]


def _reloaded(name, text, folder):
    _named(name, text, folder).save(folder / "m.npz")
    return load_model(folder / "m.npz")


def case(rng, folder):
    """Tables in another order, with other names, or without."""
    kinds = (_predict, _predict, _predict, _fit, _rows, _rows, _csv)
    return rng.choice(kinds)(rng, folder)


def _shuffled(rng, n):
    """The numbers 0 .. n - 1 in another order."""
    order = list(range(n))
    while order == sorted(order):
        rng.shuffle(order)
    return order


def _model(rng):
    return rng.choice(("ESZSL", "ESZSL", "stack", "single")), rng.random() < 0.4


def _predict(rng, folder):
    """A model that has names gets a table: with the same, in another order, or others."""
    name, text = _model(rng)
    model = (_reloaded if rng.random() < 0.3 else _named)(name, text, folder)
    frames, key = _frames(text), rng.choice(("X", "unseen"))
    wanted = _outputs(fitted(name, text), *_plain(text))
    given, form = dict(frames), rng.choice(("the same", "order", "unknown", "missing", "twice"))
    width = frames[key].shape[1]
    at = rng.randrange(width)
    if form == "order":
        given[key] = frames[key].by_columns(_shuffled(rng, width))
    elif form == "unknown":
        given[key] = frames[key].renamed(at, "other")
    elif form == "missing":
        given[key] = frames[key].by_columns([i for i in range(width) if i != at])
    elif form == "twice":
        given[key] = frames[key].renamed(at, str(frames[key].columns[at - 1]))

    def call():
        return _outputs(model, given["X"], given["unseen"], dataset(text).unseen_classes)

    what = f"{name}.predict, columns of {key}: {form}"
    if form == "the same":
        return same_as(what, call, wanted)
    words = {"unknown": ["other"], "missing": []}.get(form, [])
    return must_refuse(what, call, *words)


def _plain(text):
    data = dataset(text)
    return data.X_test, data.unseen_prototypes, data.unseen_classes


def _outputs(model, X, unseen, classes):
    if not hasattr(model, "route"):
        return model.predict(X, unseen, classes), model.decision_function(X, unseen)
    return tuple(model.route(X, unseen, classes))


def _fit(rng, folder):
    """fit gets labelled prototypes in another order, and keeps the names of the columns."""
    name, text = _model(rng)
    if name == "stack" or rng.random() < 0.8:  # slow
        name = "ESZSL"
    data, frames = dataset(text), _frames(text)
    order = _shuffled(rng, len(frames["seen"]))
    seen, form = _prototypes(rng, frames["seen"].by_rows(order))

    def call():
        model = unfitted(name).fit(frames["X_train"], data.y_train, seen)
        if list(model.feature_names_in_) != FEATURES:
            raise Finding(what, f"feature_names_in_ is {model.feature_names_in_}")
        return _outputs(model, *_plain(text))

    what = f"{name}.fit, prototypes by class: {form}"
    bad = rng.choice((None, None, "missing", "unknown", "twice"))
    if bad is None:
        return same_as(what, call, _outputs(fitted(name, text), *_plain(text)))
    seen, label = _spoiled(rng, frames["seen"].by_rows(order), bad)
    what = f"{name}.fit, prototypes by class: {bad}"
    return must_refuse(what, call, label)


def _prototypes(rng, frame):
    """The prototypes as a frame or as a dict from class to vector, and the word for it."""
    if rng.random() < 0.5:
        return frame, "frame"
    return dict(zip(frame.index.tolist(), frame.values, strict=True)), "dict"


def _spoiled(rng, frame, bad):
    """Prototypes with a class that is missing, unknown or there twice, and its label."""
    index, at = np.array(frame.index, dtype=object), rng.randrange(len(frame))
    if bad == "missing":
        label = index[at]
        return frame.by_rows([i for i in range(len(index)) if i != at]), label
    label = index[at - 1]
    if bad == "unknown":
        label = "bird z" if isinstance(label, str) else 99
        rows = np.concatenate([frame.values, frame.values[:1] + 1])
        return Frame(rows, frame.columns, [*index, label]), label
    rows = np.concatenate([frame.values, frame.values[[at - 1]]])
    return Frame(rows, frame.columns, [*index, label]), label


def _rows(rng, folder):
    """predict and route get labelled prototypes of unseen classes in another order."""
    name, text = _model(rng)
    model, data = fitted(name, text), dataset(text)
    frame = Frame(data.unseen_prototypes, range(3), data.unseen_classes).by_rows([1, 0])
    bad = rng.choice((None, None, None, "missing", "unknown", "twice"))
    wanted = _outputs(model, *_plain(text))
    if bad is None:
        unseen, form = _prototypes(rng, frame)
        what = f"{name}.predict, unseen prototypes by class: {form}"
        return same_as(what, lambda: _rows_outputs(model, unseen, data), wanted)
    unseen, label = _spoiled(rng, frame, bad)
    what = f"{name}.predict, unseen prototypes by class: {bad}"
    return must_refuse(what, lambda: _rows_outputs(model, unseen, data), label)


def _rows_outputs(model, unseen, data):
    """The outputs of a call with classes: decision_function gets none, so it has no order."""
    if hasattr(model, "route"):
        return tuple(model.route(data.X_test, unseen, data.unseen_classes))
    plain = model.decision_function(data.X_test, data.unseen_prototypes)
    return model.predict(data.X_test, unseen, data.unseen_classes), plain


def _csv(rng, folder):
    """A model trained from CSV gets CSV files with columns in another order, or other names."""
    run, which = run_folder("csv"), rng.choice(("features", "unseen"))
    files = {"features": "test.csv", "unseen": "prototypes.csv"}
    tables = {key: _read(sources() / "csv" / name) for key, name in files.items()}
    wanted = _predicted(folder, run, tables).out
    table = tables[which]
    form = rng.choice(("order", "order", "unknown", "missing", "twice", "quoted", "no label"))
    columns = list(range(1, len(table[0])))
    at = rng.choice(columns)
    if form == "order":
        order = [0, *(columns[i] for i in _shuffled(rng, len(columns)))]
        tables[which] = [[row[i] for i in order] for row in table]
    elif form in ("unknown", "twice"):
        name = "other" if form == "unknown" else table[0][at - 1 if at > 1 else at + 1]
        tables[which] = [[*table[0][:at], name, *table[0][at + 1 :]], *table[1:]]
    elif form == "missing":
        tables[which] = [[cell for i, cell in enumerate(row) if i != at] for row in table]
    elif form == "no label" and which == "features":
        tables[which] = [row[1:] for row in table]
    quoting = csv.QUOTE_NONNUMERIC if form == "quoted" else csv.QUOTE_MINIMAL
    what = f"predict, columns of {which} CSV: {form}"
    ended = _predicted(folder, run, tables, quoting=quoting)
    if form in ("unknown", "missing", "twice"):
        kind = check_ended(what, ended, kind="refused")
        word = {"unknown": "other", "missing": table[0][at]}.get(form, "")
        if word not in ended.err:
            raise Finding(what, f"{word!r} is not in {ended.err[-300:]!r}")
        return kind
    kind = check_ended(what, ended, kind="accepted")
    if ended.out != wanted:
        raise Finding(what, f"another result: {ended.out[:160]!r}, not {wanted[:160]!r}")
    if form == "order" and "note: " not in ended.err:
        raise Finding(what, "no note says that columns were put in the model's order")
    return kind


def _read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _predicted(folder, run, tables, quoting=csv.QUOTE_MINIMAL):
    for key, table in tables.items():
        text = io.StringIO()
        csv.writer(text, quoting=quoting, lineterminator="\n").writerows(table)
        (folder / f"{key}.csv").write_text(text.getvalue(), encoding="utf-8")
    paths = folder / "features.csv", "--unseen", folder / "unseen.csv"
    return invoke("predict", "predict", run, *paths, "--threads", "1")
