"""mypy on programs that use the package: they see its types, and their mistakes are found."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tinygzsl

HOME = Path(tinygzsl.__file__).parent
WRONG = "# wrong"

USER = """
import numpy as np
import tinygzsl
from tinygzsl import EntropySeparationGZSL, load_dataset
from tinygzsl.metrics import harmonic_mean

data = load_dataset("letters")
model = EntropySeparationGZSL(preset="small", seed=1, gan_lr=1e-4)
model.fit(data.X_train, data.y_train, data.seen_prototypes)
labels: np.ndarray = model.predict(data.X_test, data.unseen_prototypes, data.unseen_classes)
h: float = harmonic_mean(0.5, 0.25)
loaded: str = tinygzsl.load_model("model.npz")  # wrong
model.predicts(data.X_test)  # wrong
load_dataset("letters", split="1")  # wrong
"""

ARRAYS = """
import numpy as np
from tinygzsl.kernels import log_softmax_entropy
from tinygzsl.nn.mlp import MLP
from tinygzsl.runtime.array import Array, ArrayModule, DeviceArray
from tinygzsl.runtime.backend import array_module, to_host
from tinygzsl.runtime.matmul import matmul

def both(x: Array, y: Array) -> Array:
    xp: ArrayModule = array_module(x, y)
    z = xp.exp(x - x.max(axis=1, keepdims=True)) * (y > 0)
    z[1:] += matmul(x, y.T)[1:] / 2
    return xp.where(z > 1, z, 0).sum(axis=1)

def use(host: np.ndarray, device: DeviceArray, network: MLP) -> None:
    both(host, host.astype(np.float32))
    both(device, device[::2])
    network.forward(device)
    array: Array = np.linspace(0.0, 1.0, 5)
    module: ArrayModule = np
    to_host(device).sort()
    both(host, "text")  # wrong
    both([[1.0]], host)  # wrong
    only_numpy: np.ndarray = both(host, host)  # wrong
    log_softmax_entropy(3.0)  # wrong
    array_module(host).linalg  # wrong
    both(host, host).sort()  # wrong
    device.sort()  # wrong
"""


def layout(folder):
    """The folder for MYPYPATH: mypy doesn't see that a checkout's kernels are tinygzsl.kernels."""
    if (HOME / "kernels").is_dir():
        return HOME.parent
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(HOME, folder / "tinygzsl", ignore=skip)
    for name in ("kernels", "cli"):
        shutil.copytree(HOME.parent / name, folder / "tinygzsl" / name, ignore=skip)
    return folder


def lines_with_errors(file, output):
    found = re.findall(rf"{re.escape(file)}:(\d+): error: ", output)
    return sorted({int(number) for number in found})


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """mypy's output for both programs; one call, as it takes the package in each time."""
    work = tmp_path_factory.mktemp("types")
    for name, text in (("user.py", USER), ("arrays.py", ARRAYS)):
        (work / name).write_text(text, encoding="utf-8")
    home = layout(work)
    path = {} if home == HOME.parent else {"MYPYPATH": str(home)}
    options = ["--no-incremental", "--follow-imports=silent", "--no-error-summary"]
    options += ["--no-implicit-reexport", "--disallow-untyped-calls"]
    result = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "user.py", "arrays.py"],
        cwd=work,
        env={**os.environ, **path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not result.stderr
    return result.stdout


def lines_that_are_wrong(text):
    return [number for number, line in enumerate(text.split("\n"), 1) if WRONG in line]


@pytest.mark.wheel
def test_a_user_sees_the_types_of_the_public_names(checked):
    assert lines_with_errors("user.py", checked) == lines_that_are_wrong(USER), checked


def test_an_array_is_numpys_or_cupys_and_nothing_else(checked):
    assert lines_with_errors("arrays.py", checked) == lines_that_are_wrong(ARRAYS), checked
