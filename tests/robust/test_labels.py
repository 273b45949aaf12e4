"""Labels of every form, at every entrance: taken as the plain ones, or refused by value."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.baselines import ESZSL, PrototypeRidge
from tinygzsl.datasets import TrainingSet, check_training, load_npz
from tinygzsl.metrics import per_class_accuracy
from tinygzsl.stacking import RoutedGZSL, StackedGZSL

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of models that learn nothing


def objects(change):
    """form(y) -> an array of objects change(label)."""
    return lambda y: np.array([change(label) for label in y.tolist()] + [None], object)[:-1]


def with_last(value, dtype=None):
    """form(y) -> y with another last label, as an array of that dtype, or else as a list."""
    if dtype is None:
        return lambda y: [*y.tolist()[:-1], value]
    return lambda y: np.array([*y.tolist()[:-1], value], dtype)


def masked(count):
    """form(y) -> a masked array of which that many labels, the last ones, are masked."""
    return lambda y: np.ma.array(y, mask=np.arange(len(y)) >= len(y) - count)


# Of int64 labels: taken as these.
INTEGERS = {
    "a list": np.ndarray.tolist,
    "a tuple": lambda y: tuple(y.tolist()),
    "int8": lambda y: y.astype(np.int8),
    "uint64": lambda y: y.astype(np.uint64),
    "big-endian": lambda y: y.astype(">i4"),
    "float16": lambda y: y.astype(np.float16),
    "float32": lambda y: y.astype(np.float32),
    "float64": lambda y: y.astype(np.float64),
    "longdouble": lambda y: y.astype(np.longdouble),
    "objects, int": objects(int),
    "objects, float": objects(float),
    "objects of NumPy": objects(np.uint8),
    "int and float": lambda y: [float(y[0]), *y[1:].tolist()],
    "a column": lambda y: y[:, None],
    "a column of floats": lambda y: y[:, None].astype(float),
    "a column of objects": lambda y: objects(int)(y)[:, None],
    "a list of rows": lambda y: y[:, None].tolist(),
    "nothing masked": masked(0),
    "strided": lambda y: np.repeat(y, 3)[::3],
}
# Of labels that are text.
TEXT = {
    "a list": np.ndarray.tolist,
    "big-endian": lambda y: y.astype(y.dtype.newbyteorder(">")),
    "wider": lambda y: y.astype("U30"),
    "objects": objects(str),
    "a column": lambda y: y[:, None],
    "a column of objects": lambda y: objects(str)(y)[:, None],
    "bytes": lambda y: np.char.encode(y, "utf-8"),
    "objects, bytes": objects(lambda label: label.encode()),
    "nothing masked": masked(0),
}
if hasattr(np.dtypes, "StringDType"):  # NumPy 2
    TEXT["StringDType"] = lambda y: y.astype(np.dtypes.StringDType())

# Of int64 labels: refused, with these words.
BAD = {
    "masked": (masked(1), "1 of the", "are masked; fill or drop them"),
    "all masked": (lambda y: masked(len(y))(y), "are masked"),
    "a masked one in a list": (with_last(np.ma.masked), "1 of the", "are masked"),
    "above int64": (with_last(2**63 + 5, np.uint64), "has the label 9223372036854775813 at row"),
    "above int64, list": (with_last(2**63 + 5), "has the label 9223372036854775813 at row"),
    "below int64": (with_last(-(2**63) - 1), "has the label -9223372036854775809 at row"),
    "thousands of digits": (with_last(10**5000), "has the label a huge number at row"),
    "1e300": (with_last(1e300, float), "has the label 1e+300 at row", "below 2**53"),
    "-1e300": (with_last(-1e300, float), "has the label -1e+300 at row", "below 2**53"),
    "2**53": (with_last(2.0**53, float), "has the label 9007199254740992.0 at row"),
    "2**24": (with_last(2.0**24, np.float32), "has the label 16777216.0 at row", "below 2**24"),
    "1.5": (with_last(1.5, float), "has the label 1.5 at row", "no whole number"),
    "1.5 as an object": (with_last(1.5, object), "has the label 1.5 at row"),
    "nan": (with_last(np.nan, float), "has the label nan at row"),
    "nan, list": (with_last(np.nan), "has the label nan at row"),
    "inf": (with_last(np.inf, float), "has the label inf at row"),
    "None": (with_last(None, object), "is object with shape", "holds None at row"),
    "text among integers": (with_last("7"), "at row 0 but '7' at row"),
    "text among objects": (with_last("7", object), "at row 0 but '7' at row"),
    "bytes among integers": (with_last(b"7"), "at row 0 but b'7' at row"),
    "True": (with_last(True), "holds True at row"),
    "bool": (lambda y: y > 2, "is bool with shape"),
    "complex": (lambda y: y.astype(complex), "is complex128 with shape"),
    "dates": (lambda y: y.astype("M8[Y]"), "is datetime64[Y] with shape"),
    "a row": (lambda y: y[None], "is int64 with shape (1,"),
    "two columns": (lambda y: np.stack([y, y], 1), "2); pass one integer or string label"),
    "one number": (lambda y: y[0], "with shape (); pass one integer or string label"),
    "lists of lengths": (with_last([1, 2], object), "holds [1, 2] at row"),
}
# Of labels that are text.
BAD_TEXT = {
    "masked": (masked(1), "1 of the", "are masked"),
    "bytes in Latin-1": (
        lambda y: np.array([*(label.encode() for label in y[:-1].tolist()), b"\xe9"]),
        "has the label b'\\xe9' at row",
        "not UTF-8",
    ),
    "an object in Latin-1": (with_last(b"\xe9"), "has the label b'\\xe9' at row", "not UTF-8"),
    "half a character": (with_last("\ud800"), "has the label '\\ud800' at row", "not Unicode"),
    "a NUL at the end": (with_last("a\0"), "has the label 'a\\x00' at row", "NUL"),
    "an integer among text": (with_last(7), "at row 0 but 7 at row"),
    "missing": (with_last(None), "holds None at row"),
    "missing, as pandas has it": (with_last(np.nan), "at row 0 but nan at row"),
}


class Models:
    """Fitted models of the tiny dataset, whose labels are integers or text, and its arrays."""

    def __init__(self, data, *, text):
        self.data = data = as_text(data) if text else data
        t = data.training()
        vsmm = tz.EntropySeparationGZSL(
            preset="small", threads=1, vsmm_latent=8, vsmm_epochs=1, vsmm_weight_es=0.0
        )
        stack = StackedGZSL(experts=[ESZSL(), PrototypeRidge()], features=("gap",))
        self.vsmm = vsmm.fit(t.X, t.y, t.prototypes)
        self.baseline = ESZSL().fit(t.X, t.y, t.prototypes)
        self.routed = RoutedGZSL(router=self.vsmm, expert=self.baseline)
        self.stack = stack.fit(t.X, t.y, t.prototypes)


def as_text(data):
    """The dataset with text for labels, in the same order, and not all of it ASCII."""
    return replace(
        data,
        **{
            name: np.array([f"é{label}" for label in getattr(data, name)])
            for name in ("y_train", "y_test", "seen_classes", "unseen_classes")
        },
    )


@pytest.fixture(scope="module")
def models(tiny_dataset):
    """models(text) -> Models, made once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = {text: Models(tiny_dataset(), text=text) for text in (False, True)}
    return made.__getitem__


# Every entrance: what it makes of a form of labels, in comparable form.


def fit(model):
    def enter(m, form):
        t = m.data.training()
        return [model().fit(t.X, form(t.y), t.prototypes).classes_]

    return enter


def unseen_classes(name):
    def enter(m, form):
        data, model = m.data, getattr(m, name)
        return [model.predict(data.X_test, data.unseen_prototypes, form(data.unseen_classes))]

    return enter


def score(name):
    def enter(m, form):
        return [np.array(getattr(m, name).score(m.data.X_train, form(m.data.y_train)))]

    return enter


def validation_classes(m, form):
    from tinygzsl.tuning.auto import training_set

    t = m.data.training()
    pair = form(t.classes[:3]), t.classes[3:]
    return training_set(t.X, t.y, t.prototypes, validation_classes=pair).validation


def dataset(field):
    def enter(m, form):
        made = replace(m.data, **{field: form(getattr(m.data, field))})
        return [made.y_train, made.y_test, made.seen_classes, made.unseen_classes]

    return enter


def training_set(m, form):
    t = m.data.training()
    made = TrainingSet(t.X, form(t.y), t.prototypes, form(t.classes))
    check_training(made)
    return [made.y, made.classes]


def true_labels(m, form):
    y = m.data.y_test
    return per_class_accuracy(form(y), y)


def predicted_labels(m, form):
    y = m.data.y_test
    return per_class_accuracy(y, form(y))


ENTRANCES = {
    "fit of the VSMM": fit(
        lambda: tz.EntropySeparationGZSL(
            preset="small", threads=1, vsmm_latent=4, vsmm_epochs=1, vsmm_weight_es=0.0
        )
    ),
    "fit of a baseline": fit(ESZSL),
    "fit of a router before a baseline": fit(
        lambda: RoutedGZSL(
            router=tz.EntropySeparationGZSL(
                preset="small", threads=1, vsmm_latent=4, vsmm_epochs=1, vsmm_weight_es=0.0
            ),
            expert=ESZSL(),
        )
    ),
    "fit of a stack": fit(lambda: StackedGZSL(experts=[ESZSL()], features=("gap",))),
    **{f"unseen_classes, {name}": unseen_classes(name) for name in ("vsmm", "baseline")},
    **{f"unseen_classes, {name}": unseen_classes(name) for name in ("routed", "stack")},
    **{f"score, {name}": score(name) for name in ("vsmm", "baseline", "routed", "stack")},
    "validation_classes": validation_classes,
    **{f"Dataset, {name}": dataset(name) for name in ("y_train", "y_test", "seen_classes")},
    "Dataset, unseen_classes": dataset("unseen_classes"),
    "TrainingSet": training_set,
    "metrics, y_true": true_labels,
    "metrics, y_pred": predicted_labels,
}


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_forms_of_labels_are_taken_as_the_plain_ones(models, entrance):
    enter = ENTRANCES[entrance]
    for text, forms in ((False, INTEGERS), (True, TEXT)):
        want = enter(models(text), lambda y: y)
        for name, form in forms.items():
            found = enter(models(text), form)
            for one, other in zip(want, found, strict=True):
                assert one.dtype.kind == other.dtype.kind, name
                np.testing.assert_array_equal(one, other, err_msg=name)


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_what_is_no_label_is_refused_by_value(models, sentence, entrance):
    for text, forms in ((False, BAD), (True, BAD_TEXT)):
        for form, *parts in forms.values():
            with sentence(ValueError, *parts):
                ENTRANCES[entrance](models(text), form)


# npz files hold no objects and no masks.


def write(path, data, form):
    classes = np.concatenate([data.seen_classes, data.unseen_classes])
    arrays = {"X_train": data.X_train, "X_test": data.X_test}
    arrays["prototypes"] = np.concatenate([data.seen_prototypes, data.unseen_prototypes])
    labels = {"y_train": data.y_train, "y_test": data.y_test, "classes": classes}
    np.savez(path, **arrays, **{name: form(y) for name, y in labels.items()})
    return path


def fits_npz(form, plain):
    made = form(plain)
    return isinstance(made, np.ndarray) and made.dtype.kind not in "OTM" and not np.ma.isMA(made)


@pytest.mark.parametrize("text", [False, True])
def test_npz_files_hold_labels_of_every_form(models, tmp_path, text):
    data = models(text).data
    want = load_npz(write(tmp_path / "data.npz", data, lambda y: y)).sha256()
    forms = {n: f for n, f in (TEXT if text else INTEGERS).items() if fits_npz(f, data.y_train)}
    assert {"a column", "big-endian"} < set(forms)
    for name, form in forms.items():
        if name != "wider":  # its bytes differ
            assert load_npz(write(tmp_path / "data.npz", data, form)).sha256() == want, name


@pytest.mark.parametrize("text", [False, True])
def test_npz_files_with_what_is_no_label(models, tmp_path, sentence, text):
    data = models(text).data
    bad = {n: b for n, b in (BAD_TEXT if text else BAD).items() if fits_npz(b[0], data.y_train)}
    assert {"bytes in Latin-1"} <= set(bad) or {"1e300", "above int64", "nan"} < set(bad)
    for form, *parts in bad.values():
        with sentence(ValueError, "y_train ", *parts):
            load_npz(write(tmp_path / "data.npz", data, form))


# Integers and text


@pytest.mark.parametrize("name", ["vsmm", "baseline", "routed", "stack"])
@pytest.mark.parametrize("text", [False, True])
def test_a_score_of_labels_of_the_other_kind_is_an_error(models, sentence, name, text):
    m = models(text)
    model, data = getattr(m, name), m.data
    other = np.arange(len(data.y_train)) if text else data.y_train.astype(str)
    kinds = ("y holds integers", "classes_ holds text") if text else (
        "y holds text", "classes_ holds integers"
    )  # fmt: skip
    with sentence(ValueError, *kinds, "use the same kind of label everywhere"):
        model.score(data.X_train, other)


def test_a_dataset_has_one_kind_of_labels(models, sentence):
    data = models(False).data
    with sentence(ValueError, "y_train holds integers but y_test holds text"):
        replace(data, y_test=data.y_test.astype(str))


def test_a_model_of_integers_is_not_evaluated_on_text(models, sentence):
    from tinygzsl.evaluation import evaluate

    m, data = models(False), models(True).data
    with sentence(ValueError, "classes_ holds integers but seen_classes holds text"):
        evaluate(m.baseline, data)


# Masked features and prototypes


@pytest.mark.parametrize("name", ["vsmm", "baseline", "routed", "stack"])
def test_masked_features_and_prototypes_are_refused(models, sentence, name):
    m = models(False)
    data, t, model = m.data, m.data.training(), getattr(m, name)

    def hidden(x):
        return np.ma.masked_greater(x, np.sort(x, axis=None)[-3])

    new = {"vsmm": lambda: m.vsmm, "baseline": ESZSL, "routed": lambda: m.routed}.get(name)
    new = new or (lambda: StackedGZSL(experts=[ESZSL()], features=("gap",)))
    calls = [
        lambda: new().fit(hidden(t.X), t.y, t.prototypes),
        lambda: new().fit(t.X, t.y, hidden(t.prototypes)),
        lambda: new().fit([*hidden(t.X)], t.y, t.prototypes),
        lambda: model.predict(hidden(data.X_test)),
        lambda: model.predict(data.X_test, hidden(data.unseen_prototypes), data.unseen_classes),
        lambda: model.score(hidden(t.X), t.y),
    ]
    for call in calls:
        with sentence(ValueError, "2 of the", "are masked; fill or drop them"):
            call()


def test_masked_arrays_are_no_part_of_a_dataset(models, sentence):
    data = models(False).data
    for name in ("X_train", "X_test", "seen_prototypes", "unseen_prototypes"):
        array = np.ma.array(getattr(data, name), mask=False)
        assert np.array_equal(getattr(replace(data, **{name: array}), name), array)
        array[0, 0] = np.ma.masked
        with sentence(ValueError, "1 of the", f"values of {name} are masked"):
            replace(data, **{name: array})
    t = data.training()
    with sentence(ValueError, "values of X are masked"):
        check_training(TrainingSet(np.ma.masked_less(t.X, 0), t.y, t.prototypes, t.classes))
