"""Labels in every form: the classes that are meant, or a ValueError of one sentence."""

import numpy as np
from fuzzing.bases import dataset

from tinygzsl import evaluate, load_dataset

from .judge import Finding, must_refuse, same, same_as, same_or_refused
from .layouts import ArrayLike, Sub
from .models import fitted, unfitted

BIG = 2**63 + 5


def _sliced(y):
    big = np.empty(3 * len(y), y.dtype)
    big[:] = y[0]
    big[1::3] = y
    return big[1::3]


def _read_only(y):
    y = y.copy()
    y.flags.writeable = False
    return y


# The same labels, of either kind.
SAME = {
    "reversed": lambda y: y[::-1].copy()[::-1],
    "a slice": _sliced,
    "read-only": _read_only,
    "byte-swapped": lambda y: y.astype(y.dtype.newbyteorder()),
    "subclass": lambda y: y.view(Sub),
    "objects": lambda y: y.astype(object),
    "a column": lambda y: y[:, None],
    "a column of objects": lambda y: y.astype(object)[:, None],
    "a list": lambda y: y.tolist(),
    "masked array, nothing masked": lambda y: np.ma.array(y, mask=np.zeros(len(y), bool)),
}
SAME_NUMBERS = {
    **{
        dtype: lambda y, dtype=dtype: y.astype(dtype)
        for dtype in ("i1", "u1", "i2", "u2", ">i4", "u4", "u8", ">u8", "f2", "f4", "f8", ">f8")
    },
    "objects that are floats": lambda y: y.astype(float).astype(object),
    "objects of NumPy": lambda y: np.array([*map(np.int32, y), None], object)[:-1],
}
SAME_TEXT = {
    "wider text": lambda y: y.astype("U40"),
    "bytes": lambda y: np.char.encode(y, "utf-8"),
}
# Taken as what they say, or refused.
WRAPPED = {
    "a tuple": lambda y: tuple(y.tolist()),
    "array-like": ArrayLike,
    "longdouble or objects": lambda y: y.astype("g" if y.dtype.kind != "U" else object),
}


def _one(value, dtype=object):
    """Put the value in the place of one label."""

    def make(rng, y):
        y = y.astype(dtype)
        y[rng.randrange(len(y))] = value
        return y

    return make


def _masked(rng, y):
    mask = np.zeros(len(y), bool)
    mask[rng.randrange(len(y))] = True
    return np.ma.array(y, mask=mask)


BAD = {
    "masked": _masked,
    "two columns": lambda rng, y: np.stack([y, y], axis=1),
    "0-d": lambda rng, y: y[0],
    "a number": lambda rng, y: 3,
    "nothing": lambda rng, y: y[:0],
    "a label too few": lambda rng, y: y[1:],
    "complex": lambda rng, y: np.arange(len(y)) + 1j,
    "dates": lambda rng, y: np.arange(len(y)).astype("M8[s]"),
    "records": lambda rng, y: np.zeros(len(y), [("a", "i4")]),
    "None in it": _one(None),
    "a list in it": lambda rng, y: [[1], *y.tolist()[1:]],
    "bytes that are no UTF-8": lambda rng, y: np.array([b"\xff\xfe"] * len(y)),
    "a generator": lambda rng, y: (label for label in y),
    "a dict": lambda rng, y: dict.fromkeys(y.tolist()),
}
BAD_NUMBERS = {
    "2**63 + 5 as uint64": _one(BIG, np.uint64),
    "2**63 + 5 as an object": _one(BIG),
    "10**30": _one(10**30),
    "-10**30": _one(-(10**30)),
    "1e300": _one(1e300, float),
    "2**63 as float": _one(2.0**63, float),
    "-1e19": _one(-1e19, float),
    "NaN": _one(np.nan, float),
    "inf": _one(np.inf, float),
    "0.5": _one(0.5, float),
    "text among numbers": _one("x"),
}
BAD_TEXT = {
    "a number among text": _one(7),
    "half a character": _one("\ud800"),
}


def _calls(text):
    """By name: the plain labels, and the call that gets them."""
    data = dataset(text)
    X, y, seen = data.X_train, data.y_train, data.seen_prototypes
    unseen = data.unseen_prototypes

    def fit(name):
        def call(labels):
            model = unfitted(name).fit(X, labels, seen)
            return model.classes_, model.predict(data.X_test, unseen, data.unseen_classes)

        return y, call

    def predict(name, method):
        def call(labels):
            found = getattr(fitted(name, text), method)(data.X_test, unseen, labels)
            return tuple(found) if isinstance(found, tuple) else found

        return data.unseen_classes, call

    def score(name):
        return y, lambda labels: fitted(name, text).score(X, labels)

    calls = {f"{name}.fit, y": fit(name) for name in ("ESZSL", "single")}
    for name in ("ESZSL", "single", "stack", "routed"):
        calls[f"{name}.predict, unseen_classes"] = predict(name, "predict")
    for name in ("single", "stack"):
        calls[f"{name}.route, unseen_classes"] = predict(name, "route")
    for name in ("single", "ESZSL"):
        calls[f"{name}.score, y"] = score(name)
    return calls


CALLS = {text: _calls(text) for text in (False, True)}


def case(rng, folder):
    """Labels in one form, to one call or in a file."""
    kinds = (_same, _same, _wrapped, _bad, _bad, _other_kind, _classes, _npz)
    return rng.choice(kinds)(rng, folder)


def _chosen(rng):
    """A call with its plain labels, the words for it, and whether the labels are text."""
    text = rng.random() < 0.4
    name = rng.choice(list(CALLS[text]))
    if name == "single.fit, y" and rng.random() < 0.7:  # slower than the others
        name = "ESZSL.fit, y"
    return f"{name} of {'text' if text else 'numbers'}", *CALLS[text][name], text


def _same(rng, folder):
    what, y, call, text = _chosen(rng)
    forms = {**SAME, **(SAME_TEXT if text else SAME_NUMBERS)}
    form = rng.choice(list(forms))
    return same_as(f"{what}: {form}", lambda: call(forms[form](y)), call(y))


def _wrapped(rng, folder):
    what, y, call, _ = _chosen(rng)
    form = rng.choice(list(WRAPPED))
    return same_or_refused(f"{what}: {form}", lambda: call(WRAPPED[form](y)), call(y))


def _bad(rng, folder):
    what, y, call, text = _chosen(rng)
    forms = {**BAD, **(BAD_TEXT if text else BAD_NUMBERS)}
    form = rng.choice(list(forms))
    labels = forms[form](rng, y)
    return must_refuse(f"{what}: {form}", lambda: call(labels))


def _other_kind(rng, folder):
    """Numbers for a model of text, and text for a model of numbers."""
    text = rng.random() < 0.5
    name = rng.choice([name for name in CALLS[text] if ".fit" not in name])
    y, call = CALLS[text][name]
    other = np.arange(100, 100 + len(y)) if text else y.astype(str)
    what = f"{name}: {'numbers to a model of text' if text else 'text to a model of numbers'}"
    return must_refuse(what, lambda: call(other))


def _classes(rng, folder):
    """Unseen classes that are seen, or twice."""
    text = rng.random() < 0.5
    name = rng.choice([name for name in CALLS[text] if "unseen_classes" in name])
    y, call = CALLS[text][name]
    seen = dataset(text).seen_classes
    labels = y.copy()
    twice = rng.random() < 0.5
    labels[0] = labels[1] if twice else rng.choice(list(seen))
    what = f"{name}: {'a class twice' if twice else 'a seen class'}"
    return must_refuse(what, lambda: call(labels), labels[0])


def _npz(rng, folder):
    """A dataset whose labels are stored in another form: the same dataset, or a sentence."""
    text = rng.random() < 0.4
    data, arrays = dataset(text), _arrays(text)
    good = {**SAME, **(SAME_TEXT if text else SAME_NUMBERS)}
    bad = {**BAD, **(BAD_TEXT if text else BAD_NUMBERS)}
    key, ok = rng.choice(("y_train", "y_test", "classes")), rng.random() < 0.5
    form = rng.choice(list(good if ok else bad))
    if form in ("masked", "half a character", "a generator", "a dict", "a list in it"):
        form = "two columns"  # a file has no masks
    labels = good[form](arrays[key]) if ok else bad[form](rng, arrays[key])
    path = folder / "d.npz"
    np.savez(path, **{**arrays, key: labels})
    what = f"{key} in npz of {'text' if text else 'numbers'}: {form}"

    def load():
        found = load_dataset(path)
        return found.y_train, found.y_test, found.seen_classes, found.unseen_classes

    if not ok:
        return must_refuse(what, load)
    if np.asarray(labels).dtype == object:
        return must_refuse(what, load)  # never unpickled
    wanted = data.y_train, data.y_test, data.seen_classes, data.unseen_classes
    kind = same_as(what, load, wanted)
    if kind == "accepted":
        _check_evaluated(what, text, load_dataset(path))
    return kind


def _check_evaluated(what, text, data):
    """The figures of a model on the data are those on the plain data."""
    model = fitted("ESZSL", text)
    found, wanted = (evaluate(model, d) for d in (data, dataset(text)))
    if not same(np.array([found[k] for k in "SU"]), np.array([wanted[k] for k in "SU"])):
        raise Finding(what, f"S {found['S']}, not {wanted['S']}")


def _arrays(text):
    data = dataset(text)
    return {
        "X_train": data.X_train,
        "y_train": data.y_train,
        "X_test": data.X_test,
        "y_test": data.y_test,
        "prototypes": np.concatenate([data.seen_prototypes, data.unseen_prototypes]),
        "classes": np.concatenate([data.seen_classes, data.unseen_classes]),
    }
