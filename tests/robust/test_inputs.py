"""Arrays of every kind: the same predictions as for float64 in C order, and none is written to."""

from dataclasses import replace

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.baselines import ESZSL, SAE, ConSE
from tinygzsl.stacking import StackedGZSL


@pytest.fixture
def data(tiny_dataset):
    """Whole numbers from -120 to 120, which every dtype here can hold."""
    data = tiny_dataset()

    def whole(x, factor):
        return np.clip(np.round(x * factor), -120, 120).astype(np.float64)

    return replace(
        data,
        X_train=whole(data.X_train, 12),
        X_test=whole(data.X_test, 12),
        seen_prototypes=whole(data.seen_prototypes, 100),
        unseen_prototypes=whole(data.unseen_prototypes, 100),
    )


@pytest.fixture
def answers(small_model):
    """answers(X, y, prototypes, X_test, unseen_prototypes, unseen_classes, **params) -> everything
    that a model says that was fitted on these arrays, labels first.
    """

    def ask(X, y, A, X_test, A_unseen, unseen, **params):
        model = small_model(threads=1, **params).fit(X, y, A)
        return [
            *model.route(X_test, A_unseen, unseen),
            model.predict(X_test),
            model.predict_proba(X_test),
            model.entropy(X_test),
            model.compatibility(X_test, A_unseen),
            model.sample_proxies(7),
        ]

    return ask


def arrays(data):
    return [data.X_train, data.y_train, data.seen_prototypes, data.X_test,
            data.unseen_prototypes, data.unseen_classes]  # fmt: skip


def same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


def on_floats(change):
    """change(x) for features and prototypes; labels stay."""
    return lambda x: change(x) if x.ndim == 2 else x


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


KINDS = {
    "float16": on_floats(lambda x: x.astype(np.float16)),
    "float32": on_floats(lambda x: x.astype(np.float32)),
    "longdouble": on_floats(lambda x: x.astype(np.longdouble)),
    "int8": on_floats(lambda x: x.astype(np.int8)),
    "int64": on_floats(lambda x: x.astype(np.int64)),
    "big-endian int": on_floats(lambda x: x.astype(">i2")),
    "big-endian float": on_floats(lambda x: x.astype(">f4")),
    "Fortran": on_floats(np.asfortranarray),
    "strided": on_floats(lambda x: np.repeat(np.repeat(x, 2, 0), 3, 1)[::2, ::3]),
    "backwards": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "read-only": read_only,
    "lists": lambda x: x.tolist(),
    "uint64 labels": lambda x: x if x.ndim == 2 else x.astype(np.uint64),
    "int8 labels": lambda x: x if x.ndim == 2 else x.astype(np.int8),
    "big-endian labels": lambda x: x if x.ndim == 2 else x.astype(">i4"),
}


@pytest.mark.parametrize(
    ("dtype", "kinds"), [("float32", list(KINDS)), ("float64", ["float16", "int8", "Fortran"])]
)
def test_arrays_of_every_kind_give_the_same_bits(data, answers, dtype, kinds):
    want = answers(*arrays(data), dtype=dtype)
    for name in kinds:
        given = [KINDS[name](x) for x in arrays(data)]
        assert same(answers(*given, dtype=dtype), want), name


def test_memory_maps_of_every_kind_give_the_same_bits(data, answers, tmp_path):
    want = answers(*arrays(data))
    for i, dtype in enumerate(("float16", "int8", ">f8")):
        mapped = []
        for j, x in enumerate(arrays(data)):
            path = tmp_path / f"{i}{j}.npy"
            np.save(path, np.asfortranarray(x.astype(dtype)) if x.ndim == 2 else x)
            mapped.append(np.load(path, mmap_mode="r"))
        assert same(answers(*mapped), want), dtype


@pytest.mark.parametrize("scaler", ["minmax", "standard", "none"])
def test_small_integers_do_not_wrap_in_any_scaler(data, answers, scaler):
    """int8 would: the range of a column goes up to 240, and sums further."""
    params = {"scale_features": scaler, "scale_prototypes": "none" if scaler == "none" else scaler}
    params |= {"vsmm_weight_es": 0.0, "vsmm_lr": 1e-3}
    given = [KINDS["int8"](x) for x in arrays(data)]

    def ask(*arrays):
        X, y, A, X_test, A_unseen, unseen = arrays
        model = tz.EntropySeparationGZSL(
            preset="small", threads=1, vsmm_latent=16, vsmm_epochs=3, **params
        ).fit(X, y, A)
        return [*model.route(X_test, A_unseen, unseen), model.compatibility(X_test, A_unseen)]

    with pytest.warns(UserWarning):  # of three epochs
        want = ask(*arrays(data))
    with pytest.warns(UserWarning):
        assert same(ask(*given), want)


def test_unsigned_and_bool_features_are_numbers(data, answers):
    shifted = [x + 120 if x.ndim == 2 else x for x in arrays(data)]
    unsigned = [x.astype(np.uint8) if x.ndim == 2 else x for x in shifted]
    assert same(answers(*unsigned), answers(*shifted))
    signs = [x > (x.mean() if x.shape[1] == 6 else 0) if x.ndim == 2 else x for x in arrays(data)]
    numbers = [x.astype(float) if x.ndim == 2 else x for x in signs]
    assert same(answers(*signs), answers(*numbers))


def test_float16_features_near_their_greatest_do_not_overflow(data, answers):
    near = [x * 500 if x.ndim == 2 else x for x in arrays(data)]  # up to 60,000 of 65,504
    half = [x.astype(np.float16) if x.ndim == 2 else x for x in near]
    exact = [x.astype(float) for x in half]
    exact[1], exact[5] = near[1], near[5]
    assert same(answers(*half), answers(*exact))


def test_negative_and_text_labels_are_only_names(data, answers):
    want = answers(*arrays(data))
    X, y, A, X_test, A_unseen, unseen = arrays(data)
    negative = answers(X, y - 100, A, X_test, A_unseen, unseen - 100)
    assert np.array_equal(negative[0], want[0] - 100) and same(negative[1:5], want[1:5])
    text = answers(X, y.astype(str), A, X_test, A_unseen, unseen.astype(str))
    assert np.array_equal(text[0], want[0].astype(str)) and same(text[1:5], want[1:5])
    objects = answers(X, y.astype(str).astype(object), A, X_test, A_unseen, unseen.astype(str))
    assert same(objects, text)


BAD = [
    ("y", lambda y: y.astype(np.uint64) + np.uint64(2**63), "has the label 9223372036854775814"),
    ("y", lambda y: y + 0.5, "y has the label 0.5 at row 0"),
    ("y", lambda y: y > 2, "y is bool"),
    ("y", lambda y: y.astype(complex), "one integer or string label per sample"),
    ("y", lambda y: y[None], "y is int64 with shape (1, 150)"),
    ("X", lambda X: X.astype(str), "X is <U32 with shape (150, 12)"),
    ("X", lambda X: X.astype(complex), "X is complex128"),
    ("X", lambda X: [*X.tolist()[:-1], [1.0]], "a list of 150 rows is not a matrix"),
    ("X", lambda X: np.ma.masked_greater(X, 5), "of the 1800 values of an array are masked"),
    ("X", lambda X: X[0], "X is float64 with shape (12,)"),
]


@pytest.mark.parametrize(("name", "change", "part"), BAD)
def test_what_is_no_matrix_or_no_label_is_refused(data, small_model, sentence, name, change, part):
    X, y, A, *_ = arrays(data)
    X, y = (change(X), y) if name == "X" else (X, change(y))
    with sentence(ValueError, part):
        small_model().fit(X, y, A)


def test_labels_of_unseen_classes_beyond_int64_are_refused(data, small_model, sentence):
    model = small_model().fit(data.X_train, data.y_train, data.seen_prototypes)
    labels = np.array([2, 2**64 - 1], np.uint64)
    with sentence(ValueError, "unseen_classes has the label 18446744073709551615"):
        model.predict(data.X_test, data.unseen_prototypes, labels)


class Frame:
    """A data frame with nullable or mixed columns, as NumPy sees it: rows of objects."""

    def __init__(self, x):
        self.rows = np.array([[*map(float, row[:-1]), bool(row[-1] > 0)] for row in x], object)

    def __len__(self):
        return len(self.rows)

    def __array__(self, dtype=None, copy=None):
        return self.rows if dtype is None else self.rows.astype(dtype)


class Missing:
    """pandas.NA, which is no number."""

    def __repr__(self):
        return "<NA>"


def test_frames_with_nullable_and_bool_columns_are_numbers(data, answers):
    def plain(x):
        return np.asarray(Frame(x)).astype(float) if x.ndim == 2 else x

    want = answers(*map(plain, arrays(data)))
    assert same(answers(*(Frame(x) if x.ndim == 2 else x for x in arrays(data))), want)


@pytest.mark.parametrize("value", [Missing(), None, "7", 1j])
@pytest.mark.parametrize("new", [tz.EntropySeparationGZSL, ESZSL])
def test_what_is_missing_in_a_frame_is_named(data, sentence, new, value):
    X, y, A, X_test, A_unseen, unseen = arrays(data)
    model = new().fit(X, y, A) if new is ESZSL else None
    frame, table, queries = Frame(X), Frame(A), Frame(X_test)
    frame.rows[5, 2] = table.rows[3, 1] = queries.rows[7, 4] = value
    with sentence(ValueError, f"X is object with shape (150, 12) and holds {value!r} in row 5, "
                  "column 2; pass a matrix of numbers"):  # fmt: skip
        new().fit(frame, y, A)
    with sentence(ValueError, f"prototypes is object with shape (5, 6) and holds {value!r} in row "
                  "3, column 1"):  # fmt: skip
        new().fit(X, y, table)
    if model:
        with sentence(ValueError, "X is object", f"holds {value!r} in row 7, column 4"):
            model.predict(queries, A_unseen, unseen)


def test_an_integer_beyond_floats_in_a_frame_is_refused(data, small_model, sentence):
    frame = Frame(data.X_train)
    frame.rows[0, 0] = 10**400
    with sentence(ValueError, "X is object with shape (150, 12)", "pass a matrix of numbers"):
        small_model().fit(frame, data.y_train, data.seen_prototypes)


def test_sparse_matrices_are_refused_with_the_way_to_pass_them(data, small_model, sentence):
    sparse = pytest.importorskip("scipy.sparse")
    X, y, A, X_test, A_unseen, unseen = arrays(data)
    stack = StackedGZSL(experts=[ESZSL()], features=("gap",))
    for model, name in ((small_model(), "prototypes"), (ESZSL(), "prototypes"),
                        (stack, "seen_prototypes")):  # fmt: skip
        with sentence(ValueError, "X is a sparse matrix; pass X.toarray()"):
            model.fit(sparse.csr_matrix(X), y, A)
        with sentence(ValueError, f"{name} is a sparse matrix; pass {name}.toarray()"):
            model.fit(X, y, sparse.csc_array(A))
        with sentence(ValueError, "y is a sparse matrix; pass y.toarray()"):
            model.fit(X, sparse.csr_matrix(y[:, None]), A)
    with sentence(ValueError, "X_test is a sparse matrix; pass X_test.toarray()"):
        replace(data, X_test=sparse.csr_array(X_test))
    model = ESZSL().fit(X, y, A)
    with sentence(ValueError, "X is a sparse matrix"):
        model.predict(sparse.coo_matrix(X_test))
    with sentence(ValueError, "unseen_prototypes is a sparse matrix"):
        model.predict(X_test, sparse.csr_matrix(A_unseen), unseen)


@pytest.mark.parametrize("method", [ESZSL, SAE, ConSE])
def test_baselines_take_arrays_of_every_kind(data, method):
    params = {"candidates": 3} if method is ConSE else {}

    def scores(X, y, A, X_test, A_unseen, unseen):
        model = method(threads=1, **params).fit(X, y, A)
        return [model.decision_function(X_test, A_unseen), model.predict(X_test, A_unseen, unseen)]

    want = scores(*arrays(data))
    for name in ("float16", "int8", "big-endian float", "Fortran", "strided", "read-only", "lists"):
        assert same(scores(*(KINDS[name](x) for x in arrays(data))), want), name


# The command line


def write(path, data, change=lambda x: x):
    np.savez(
        path,
        X_train=change(data.X_train),
        y_train=data.y_train,
        X_test=change(data.X_test),
        y_test=data.y_test,
        prototypes=np.concatenate([data.seen_prototypes, data.unseen_prototypes]),
        classes=np.concatenate([data.seen_classes, data.unseen_classes]),
    )
    return path


@pytest.mark.parametrize(
    "change",
    [lambda x: x.astype(np.float16), lambda x: x.astype(np.int8), np.asfortranarray,
     lambda x: x * 1e30, lambda x: x * 1e-30],
    ids=["float16", "int8", "Fortran", "1e30", "1e-30"],
)  # fmt: skip
def test_files_of_every_kind_train_and_predict(data, run_cli, tmp_path, fast_options, change):
    path, run = write(tmp_path / "odd.npz", data, change), tmp_path / "run"
    result = run_cli("train", path, *fast_options, "--out", run)
    assert result.exit_code == 0, result.stderr
    result = run_cli("evaluate", run, "--json")
    assert result.exit_code == 0, result.stderr
    assert '"supervised": 1.0' in result.stdout


@pytest.mark.parametrize(
    ("change", "options", "part"),
    [
        (lambda x: x * 1e30, ("--set", "scale.features=none"), "squares overflow"),
        (lambda x: x * 1e300, (), "dtype='float64'"),
        (lambda x: x * 0 + 7, (), "rows of X are the same"),
    ],
    ids=["1e30", "1e300", "constant"],
)
def test_files_that_cannot_be_trained_on_are_refused_in_one_line(
    data, run_cli, tmp_path, fast_options, change, options, part
):
    path, run = write(tmp_path / "odd.npz", data, change), tmp_path / "run"
    result = run_cli("train", path, *fast_options, *options, "--out", run)
    assert result.exit_code == 2
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1 and part in errors[0]
    assert "Traceback" not in result.stderr and not (run / "model.npz").exists()
