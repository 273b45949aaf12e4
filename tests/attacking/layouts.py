"""Arrays in every form: the same bits as for the plain array, or a ValueError of one sentence."""

from functools import cache

import numpy as np
from fuzzing.bases import dataset
from scipy.sparse import csr_array

from .judge import must_refuse, outcome, same_as, same_or_refused
from .models import fitted, unfitted


class Sub(np.ndarray):
    """A subclass without any behaviour of its own."""


class ArrayLike:
    """An object that NumPy makes an array of."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.array, dtype)


def _sliced(rng, a, folder):
    big = np.full((2 * len(a), 3 * a.shape[1]), np.nan if a.dtype.kind == "f" else 7, a.dtype)
    big[::2, 1::3] = a
    return big[::2, 1::3]


def _unaligned(rng, a, folder):
    buffer = bytearray(a.nbytes + 1)
    found = np.frombuffer(buffer, a.dtype, a.size, offset=1).reshape(a.shape)
    found[...] = a
    return found


def _read_only(rng, a, folder):
    a = a.copy(order=rng.choice("CF"))
    a.flags.writeable = False
    return a


def _mapped(rng, a, folder):
    path = folder / f"{rng.randrange(10**9)}.npy"
    np.save(path, np.asarray(a, order=rng.choice("CF")))
    return np.load(path, mmap_mode=rng.choice(("r", "c", "r+")))


def _of_fields(rng, a, folder):
    fields = np.zeros(a.shape, [("before", "u1"), ("value", a.dtype), ("after", "u2")])
    fields["value"] = a
    return fields["value"]


# Other arrays with the same values.
SAME = {
    "C order": lambda rng, a, folder: np.ascontiguousarray(a),
    "F order": lambda rng, a, folder: np.asfortranarray(a),
    "reversed rows": lambda rng, a, folder: a[::-1].copy()[::-1],
    "reversed columns": lambda rng, a, folder: a[:, ::-1].copy()[:, ::-1],
    "slices of a larger array": _sliced,
    "read-only": _read_only,
    "byte-swapped": lambda rng, a, folder: a.astype(a.dtype.newbyteorder()),
    "memory map": _mapped,
    "unaligned": _unaligned,
    "a field of records": _of_fields,
    "subclass": lambda rng, a, folder: a.view(Sub),
    "matrix": lambda rng, a, folder: np.asarray(a).view(np.matrix),
    "masked array without mask": lambda rng, a, folder: np.ma.array(a),
    "masked array, nothing masked": lambda rng, a, folder: np.ma.array(a, mask=np.zeros(a.shape)),
    "float64": lambda rng, a, folder: a.astype(np.float64),
}
# The same values in what is no array of floats: taken or refused.
WRAPPED = {
    "lists": lambda rng, a, folder: a.tolist(),
    "tuples": lambda rng, a, folder: tuple(map(tuple, a.tolist())),
    "list of arrays": lambda rng, a, folder: list(a),
    "array-like": lambda rng, a, folder: ArrayLike(a),
    "memoryview": lambda rng, a, folder: memoryview(np.ascontiguousarray(a, np.float32)),
    "objects": lambda rng, a, folder: a.astype(object),
    "longdouble": lambda rng, a, folder: a.astype(np.longdouble),
}
# Other values; the plain form has the same ones in float64.
VALUES = {
    "float16": lambda rng, a: a.astype(np.float16),
    "bool": lambda rng, a: a > np.median(a),
    **{
        dtype: lambda rng, a, dtype=dtype: (100 * np.abs(a)).astype(dtype)
        for dtype in ("i1", "u1", "i2", ">u2", "i4", "u4", "i8", ">i8", "u8")
    },
}


def _with_object(value):
    def make(rng, a):
        a = a.astype(object)
        a.reshape(-1)[rng.randrange(a.size)] = value
        return a

    return make


def _masked(rng, a):
    mask = np.zeros(a.shape, bool)
    mask.reshape(-1)[rng.randrange(a.size)] = True
    return np.ma.array(a, mask=mask)


def _ragged(rng, a):
    rows = a.tolist()
    rows[rng.randrange(len(rows))].pop()
    return rows


BAD = {
    "no rows": lambda rng, a: a[:0],
    "no columns": lambda rng, a: a[:, :0],
    "a column too few": lambda rng, a: a[:, 1:],
    "0-d": lambda rng, a: np.float32(1),
    "1-d": lambda rng, a: a[0],
    "3-d": lambda rng, a: a[None],
    "text": lambda rng, a: a.astype(str),
    "bytes": lambda rng, a: a.astype("S8"),
    "complex": lambda rng, a: a.astype(complex),
    "dates": lambda rng, a: (100 * a).astype("i8").astype("M8[s]"),
    "records": lambda rng, a: np.zeros(len(a), [("f0", "f4"), ("f1", "f4")]),
    "an object in it": _with_object(object()),
    "None in it": _with_object(None),
    "text in it": _with_object("x"),
    "masked values": _masked,
    "ragged lists": _ragged,
    "sparse": lambda rng, a: csr_array(a),
    "a set": lambda rng, a: set(a.reshape(-1).tolist()),
    "a number": lambda rng, a: 5,
    "a string": lambda rng, a: "x.npy",
    "a generator": lambda rng, a: (row for row in a),
}
NUMBERS = {"NaN": np.nan, "inf": np.inf, "-inf": -np.inf, "1e300": 1e300, "-1e30": -1e30}


def _predictions(model):
    return model.predict(*_test_arrays().values(), dataset().unseen_classes)


def _test_arrays():
    return {"X": dataset().X_test, "unseen_prototypes": dataset().unseen_prototypes}


def _fit_arrays():
    return {"X": dataset().X_train, "prototypes": dataset().seen_prototypes}


def _calls():
    """By name: the matrices that a call gets, and the call of them, which returns arrays."""
    classes, y = dataset().unseen_classes, dataset().y_train

    def method(model, name, *arrays, more=()):
        def call(given):
            found = getattr(fitted(model), name)(*(given[a] for a in arrays), *more)
            return tuple(found) if isinstance(found, tuple) else found

        return {a: _test_arrays()[a] for a in arrays}, call

    def fit(model):
        def call(given):
            found = unfitted(model).fit(given["X"], y, given["prototypes"])
            return found.classes_, _predictions(found)

        return _fit_arrays(), call

    two = "X", "unseen_prototypes"
    calls = {}
    for model in ("single", "ESZSL", "stack", "routed"):
        calls[f"{model}.predict"] = method(model, "predict", *two, more=(classes,))
        calls[f"{model}.predict of seen"] = method(model, "predict", "X")
    for model in ("single", "stack"):
        calls[f"{model}.route"] = method(model, "route", *two, more=(classes,))
        calls[f"{model}.predict_proba"] = method(model, "predict_proba", "X")
    for model in ("single", "ESZSL"):
        calls[f"{model}.score"] = method(model, "score", "X", more=(_seen_labels(),))
        calls[f"{model}.fit"] = fit(model)
    calls["ESZSL.decision_function"] = method("ESZSL", "decision_function", *two)
    calls["stack.is_unseen"] = method("stack", "is_unseen", *two)
    calls["single.compatibility"] = method("single", "compatibility", *two)
    calls["single.scores"] = method("single", "scores", *two)
    calls["single.entropy"] = method("single", "entropy", "X")
    return calls


def _seen_labels():
    return np.resize(dataset().seen_classes, len(dataset().X_test))


CALLS = _calls()
FITS = ("single.fit", "ESZSL.fit")  # slower: an eighth of the cases


@cache
def _plain(name):
    arrays, call = CALLS[name]
    return call(arrays)


def case(rng, folder):
    """One call with one of its matrices, or all, in another form."""
    name = rng.choice(FITS if rng.random() < 1 / 8 else [n for n in CALLS if n not in FITS])
    arrays, _ = CALLS[name]
    changed = rng.sample(list(arrays), rng.randint(1, len(arrays)))
    kind = rng.choice((_same, _same, _wrapped, _values, _bad, _number, _rows))
    return kind(rng, folder, name, changed)


def _same(rng, folder, name, changed):
    arrays, call = CALLS[name]
    forms = rng.sample(list(SAME), rng.randint(1, 3))
    given = dict(arrays)
    for key in changed:
        for form in forms:
            given[key] = SAME[form](rng, given[key], folder)
    before = {key: np.array(array) for key, array in given.items()}
    what = f"{name}, {'+'.join(sorted(changed))}: {', '.join(forms)}"
    kind = same_as(what, lambda: call(given), _plain(name))
    for key, array in given.items():
        assert np.array_equal(before[key], array), f"{what}: {key} was written to"
    return kind


def _wrapped(rng, folder, name, changed):
    arrays, call = CALLS[name]
    form = rng.choice(list(WRAPPED))
    given = {**arrays, **{key: WRAPPED[form](rng, arrays[key], folder) for key in changed}}
    what = f"{name}, {'+'.join(sorted(changed))}: {form}"
    return same_or_refused(what, lambda: call(given), _plain(name))


def _values(rng, folder, name, changed):
    arrays, call = CALLS[name]
    form = rng.choice(list(VALUES))
    given = {**arrays, **{key: VALUES[form](rng, arrays[key]) for key in changed}}
    plain = {**arrays, **{key: given[key].astype(np.float64) for key in changed}}
    what = f"{name}, {'+'.join(sorted(changed))}: {form}"
    kind, wanted = outcome(what, lambda: call(plain))
    if kind == "refused":  # all values of a column are the same, say
        return must_refuse(what, lambda: call(given))
    return same_or_refused(what, lambda: call(given), wanted)


def _bad(rng, folder, name, changed):
    arrays, call = CALLS[name]
    form, key = rng.choice(list(BAD)), changed[0]
    if form == "a column too few" and name in FITS:
        form = "3-d"
    given = {**arrays, key: BAD[form](rng, arrays[key])}
    words = ("toarray()",) if form == "sparse" else ()
    return must_refuse(f"{name}, {key}: {form}", lambda: call(given), *words)


def _number(rng, folder, name, changed):
    arrays, call = CALLS[name]
    form, key = rng.choice(list(NUMBERS)), changed[0]
    array = arrays[key].astype(np.float64)
    row, column = rng.randrange(len(array)), rng.randrange(array.shape[1])
    array[row, column] = NUMBERS[form]
    given = {**arrays, key: array}
    if name in FITS and form in ("1e300", "-1e30"):  # a scaler can make it small
        return outcome(f"{name}, {key}: {form}", lambda: call(given))[0]
    scaled_down = key != "X" and form in ("1e300", "-1e30")  # unit prototypes have any length
    what = f"{name}, {key}: {form}"
    if scaled_down:
        return outcome(what, lambda: call(given))[0]
    return must_refuse(what, lambda: call(given), f"row {row}", f"column {column}")


def _rows(rng, folder, name, changed):
    """Some of the samples, in another order or several times: the results of these."""
    arrays, call = CALLS[name]
    if name in FITS or name.endswith("score"):
        return _too_few(rng, name)
    n = len(arrays["X"])
    rows = np.array([rng.randrange(n) for _ in range(rng.choice((1, 1, 2, n, 3 * n)))])
    given = {**arrays, "X": arrays["X"][rows]}
    plain = _plain(name)
    wanted = tuple(a[rows] for a in plain) if isinstance(plain, tuple) else plain[rows]
    what = f"{name}, X: {'one row' if len(rows) == 1 else 'rows several times'}"
    return same_or_refused(what, lambda: call(given), wanted, exact=False)


def _too_few(rng, name):
    """Samples of one class, one sample of a class, or rows that don't agree."""
    data, (model, _) = dataset(), name.split(".")
    X, y, prototypes = data.X_train, data.y_train, data.seen_prototypes
    first = y == y[0]
    cases = {
        "one class": (X[first], y[first], prototypes[:1]),
        "one sample of a class": (
            np.concatenate([X[~first], X[:1]]),
            np.append(y[~first], y[0]),
            prototypes,
        ),
        "labels of fewer rows": (X, y[1:], prototypes),
        "a prototype too many": (X, y, np.concatenate([prototypes, prototypes[:1] + 1])),
        "all rows the same": (np.zeros_like(X) + X[0], y, prototypes),
    }
    form = rng.choice(list(cases))
    if form == "all rows the same" and model != "single":
        return outcome(f"{model}.fit: {form}", lambda: unfitted(model).fit(*cases[form]))[0]
    return must_refuse(f"{model}.fit: {form}", lambda: unfitted(model).fit(*cases[form]))
