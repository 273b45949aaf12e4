"""The example of a method of one's own, through the command that its text shows."""

import json
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(monkeypatch):
    """The example's class; its folder is the current one."""
    monkeypatch.chdir(EXAMPLES)
    monkeypatch.delitem(sys.modules, "predicted_means", raising=False)
    monkeypatch.syspath_prepend(EXAMPLES)
    from predicted_means import PredictedMeans

    yield PredictedMeans
    sys.modules.pop("predicted_means", None)


def test_its_scores_are_minus_squared_distances(example, tiny_dataset):
    data = tiny_dataset()
    model = example().fit(data.X_train, data.y_train, data.seen_prototypes)
    f = model.decision_function(data.X_test, data.unseen_prototypes)
    assert f.shape == (130, 7)
    mean = data.X_train[data.y_train == 3].mean(axis=0)
    np.testing.assert_allclose(
        f[:, 2], -((data.X_test - mean) ** 2).sum(axis=1), rtol=1e-4, atol=1e-4
    )


def test_the_command_of_its_text_compares_it(example, tiny_dataset, run_cli, tmp_path):
    from tinygzsl.datasets import save_npz

    save_npz(tiny_dataset(), tmp_path / "tiny.npz")
    text = sys.modules["predicted_means"].__doc__
    command = next(line for line in text.splitlines() if line.startswith("tinygzsl compare"))
    words = shlex.split(command.replace("ours,eszsl", "eszsl"))[1:]
    words[words.index("letters")] = tmp_path / "tiny.npz"
    result = run_cli(*words, "--seeds", 1, "--threads", 1, "--json")
    assert result.exit_code == 0, result.output
    rows = {row["title"]: row for row in json.loads(result.stdout)["rows"]}
    assert set(rows) == {"predicted means", "ESZSL"}
    assert rows["predicted means"]["zsl"] > 0.8 and rows["predicted means"]["calibrated_H"] > 0.5
