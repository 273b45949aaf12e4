"""`tinygzsl predict` with features from a pipe."""

import io
import os
import threading

import numpy as np
import pytest

from tinygzsl.baselines import ESZSL

pytestmark = pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="descriptors have no paths")


@pytest.fixture
def model(tiny_dataset, tmp_path):
    """The path of a saved model for 12 features."""
    t = tiny_dataset().training()
    ESZSL().fit(t.X, t.y, t.prototypes).save(tmp_path / "model.npz")
    return tmp_path / "model.npz"


@pytest.fixture
def predict(model, run_cli):
    """predict(content) -> click's Result of `predict MODEL /dev/fd/N`, a pipe with the content."""

    def predict(content):
        read, write = os.pipe()
        try:
            with os.fdopen(write, "wb") as file:
                file.write(content)  # less than a pipe holds
            return run_cli("predict", model, f"/dev/fd/{read}")
        finally:
            os.close(read)

    return predict


def as_npy(X):
    file = io.BytesIO()
    np.save(file, X)
    return file.getvalue()


def as_csv(X):
    file = io.StringIO()
    np.savetxt(file, X, "%.9g", ",", header=",".join(f"f{i}" for i in range(12)), comments="")
    return file.getvalue().encode()


def test_a_pipe_of_either_kind_gives_what_the_file_gives(
    model, predict, run_cli, tiny_dataset, tmp_path
):
    X = tiny_dataset().X_test[:50]
    np.save(tmp_path / "x.npy", X)
    expected = run_cli("predict", model, tmp_path / "x.npy").stdout
    assert expected.count("\n") == 51
    assert predict(as_npy(X)).stdout == expected
    assert predict(as_csv(X)).stdout == expected


def test_a_named_pipe_and_a_redirected_file(model, run_cli, tiny_dataset, tmp_path):
    X = tiny_dataset().X_test[:50]
    (tmp_path / "x.npy").write_bytes(as_npy(X))
    expected = run_cli("predict", model, tmp_path / "x.npy").stdout
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(as_csv(X),))
    writer.start()
    assert run_cli("predict", model, tmp_path / "pipe").stdout == expected
    writer.join(timeout=20)
    with open(tmp_path / "x.npy", "rb") as file:  # as `< x.npy` does: its name is not to be seen
        assert run_cli("predict", model, f"/dev/fd/{file.fileno()}").stdout == expected


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "X has shape (0, 1)"),
        (as_npy(np.zeros((3, 12)))[:100], "is not an array of numbers in .npy format"),
        (b"f0,f1\n1,x\n", "is not a CSV file of numbers"),
        (b"label,f0\n1,x\n", "line 2, column 2 (f0) holds 'x'"),
        (as_npy(np.zeros((3, 5), np.float32)), "12"),
    ],
)
def test_errors_name_the_pipe(predict, content, words):
    result = predict(content)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert words in line
    assert "content.csv" not in line and "content.npy" not in line
    assert line.startswith(("Error: /dev/fd/", "Error: X has "))
