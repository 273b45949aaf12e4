"""`tinygzsl compare` with a user's class, with labels kept, and against a method."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

OWN = '''
import numpy as np

class Own:
    """Minus the squared distance to a ridge regression's means."""

    title = "my own"
    grid = {"ridge": (1e3, 0.1)}

    def __init__(self, ridge=0.1):
        self.ridge = ridge

    def fit(self, X, y, seen_prototypes):
        print("fitting")
        self.A, k = seen_prototypes, seen_prototypes.shape[1]
        means = np.stack([X[y == c].mean(axis=0) for c in np.unique(y)])
        self.W = np.linalg.solve(self.A.T @ self.A + self.ridge * np.eye(k), self.A.T @ means)

    def decision_function(self, X, unseen_prototypes):
        means = np.concatenate([self.A, unseen_prototypes]) @ self.W
        return -((X[:, None] - means) ** 2).sum(axis=2)
'''
FAST = """
[ours."tiny.npz"]
preset = "small"
vsmm_weight_es = 0.0
vsmm_epochs = 3
"""


@pytest.fixture
def compare(run_cli, tiny_dataset, tmp_path, monkeypatch):
    """compare(*options) -> click's Result, in a folder with own.py and the tiny dataset."""
    from tinygzsl.datasets import save_npz

    monkeypatch.chdir(tmp_path)
    save_npz(tiny_dataset(), tmp_path / "tiny.npz")
    (tmp_path / "fast.toml").write_text(FAST)
    (tmp_path / "own.py").write_text(OWN)

    def run(*options, methods="eszsl", own="own:Own", settings="fast.toml"):
        fixed = ("--methods", methods, "--settings", settings, "--threads", 1)
        return run_cli("compare", "tiny.npz", *fixed, *(("--method", own) if own else ()), *options)

    yield run
    sys.modules.pop("own", None)


def facts_of(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_it_stands_beside_the_others(compare, tmp_path):
    path = list(sys.path)
    result = compare("--routed", "--seeds", 2, "--json", "--out", "out", methods="eszsl,ours")
    facts = facts_of(result)  # what the class prints is not in the JSON
    assert "fitting" in result.stderr and sys.path == path
    assert "[1/" in result.stderr and "my own, seed 0: S" in result.stderr  # it comes first
    rows = {(r["method"], r["routed"]): r for r in facts["rows"]}
    assert set(rows) == {("my own", False), ("my own", True), ("ESZSL", False), ("ESZSL", True)} | {
        ("ours", False)
    }
    mine = rows["my own", False]
    assert mine["strict"] and mine["parameters"] is None and mine["calibrated_H"] > 0.5
    assert mine["seeds"] == [0] and rows["my own", True]["seeds"] == [0, 1]
    assert {row["against"] for row in facts["rows"]} == {"EntropySeparationGZSL"}
    text = (tmp_path / "out" / "table.txt").read_text("utf-8")
    assert "router + my own" in text and "H minus that of EntropySeparationGZSL" in text


def test_its_code_decides_whether_it_is_measured_again(compare, tmp_path):
    options = ("--seeds", 1, "--json", "--out", "out")
    before = facts_of(compare(*options))
    again = compare(*options)
    assert "2 of 2 rows are in" in again.stderr and facts_of(again)["runs"] == before["runs"]
    (tmp_path / "own.py").write_text(OWN.replace("self.ridge = ridge", "self.ridge = 10 * ridge"))
    sys.modules.pop("own")
    changed = compare(*options)
    assert "1 of 2 rows are in" in changed.stderr
    assert "[1/1] my own" in changed.stderr
    assert facts_of(changed)["runs"][0]["H"] != before["runs"][0]["H"]


def test_a_mistake_in_it_is_a_row_and_the_others_go_on(compare, tmp_path):
    (tmp_path / "helper.py").write_text("def value():\n    raise ValueError('too bad')\n")
    (tmp_path / "own.py").write_text(
        OWN.replace('print("fitting")', "__import__('helper').value()")
    )
    options = ("--seeds", 1, "--json", "--out", "out")
    result = compare(*options)
    assert result.exit_code == 1 and "Traceback" not in result.stderr
    mine, other = json.loads(result.stdout)["runs"]
    assert mine["error"] == (
        "my own: fit raised ValueError: too bad (own.py, line 14); repeat the command with "
        "--traceback to see the whole error"
    )
    assert other["error"] is None and json.loads(result.stdout)["rows"][0]["method"] == "ESZSL"
    shown = compare(*options, "--traceback")
    assert shown.exit_code == 1 and "1 of 2 rows are in" in shown.stderr
    assert "Traceback (most recent call last)" in shown.stderr and "helper.py" in shown.stderr
    (tmp_path / "helper.py").write_text("def value(): pass\n")
    sys.modules.pop("helper")
    assert facts_of(compare(*options))["runs"][0]["error"] is None  # a failed row is tried again
    sys.modules.pop("helper")


def test_its_grid_is_searched_and_its_settings_go_into_the_file(compare, monkeypatch):
    from tinygzsl.baselines import ESZSL

    monkeypatch.setattr(ESZSL, "grid", {"regularize_features": (0.0,)})
    tuned = compare("--tune", "--seeds", 1, "--json", "--out", "out")
    assert "[2/2] my own on the folds: H" in tuned.stderr
    row = next(r for r in facts_of(tuned)["runs"] if r["method"] == "my own")
    assert row["settings"]["ridge"] == 0.1 and row["offset"] == row["settings"]["offset"]
    assert row["origin"].startswith("validated: tinygzsl compare tiny.npz --tune")
    text = Path("out/settings.toml").read_text()
    assert '["own:Own"."tiny.npz"]' in text and "ridge = 0.1" in text
    again = compare("--tune", "--seeds", 1, "--json", "--out", "out")
    assert "on the folds" not in again.stderr
    Path("own.py").write_text(OWN + "# changed")
    sys.modules.pop("own")
    changed = compare("--tune", "--seeds", 1, "--json", "--out", "out").stderr
    assert "[2/2] my own on the folds" in changed and "ESZSL on the folds" not in changed
    taken = facts_of(compare("--seeds", 1, "--json", settings="out/settings.toml"))["runs"]
    assert next(r for r in taken if r["method"] == "my own")["calibrated_H"] == row["calibrated_H"]
    without = compare("--seeds", 1, "--json", own=None, settings="out/settings.toml")
    assert len(facts_of(without)["runs"]) == 1


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("seed = 1", "seed = 1, which is not a setting"),
        ("ridge = nan", "ridge = nan; write a finite number"),
        ("ridge = 2020-01-01", "write a finite number"),
        ("offset = 'x'", "offset = 'x'; write a number"),
        ("[x]", "write a finite number"),
    ],
)
def test_bad_settings_of_it_are_a_sentence(compare, tmp_path, one_error_line, line, part):
    text = f'["own:Own"."tiny.npz"]\n{line}\n'.replace("[x]", '["own:Own"."tiny.npz".x]')
    (tmp_path / "bad.toml").write_text(text)
    one_error_line(compare("--seeds", 1, settings="bad.toml"), "own:Own", part)


def test_a_setting_that_it_does_not_take_is_its_own_error(compare, tmp_path):
    (tmp_path / "bad.toml").write_text('["own:Own"."tiny.npz"]\nrigde = 1.0\noffset = 0.0\n')
    result = compare("--seeds", 1, "--json", settings="bad.toml")
    error = json.loads(result.stdout)["runs"][0]["error"]
    assert result.exit_code == 1 and "my own: __init__ raised TypeError" in error
    assert "unexpected keyword argument 'rigde'" in error


@pytest.mark.parametrize(
    ("options", "how", "part"),
    [
        ((), {"own": "own:Owm"}, "own has no class 'Owm'; did you mean Own?"),
        ((), {"own": "owm:Own"}, "there is no module 'owm', neither in the current folder"),
        (
            (),
            {"own": "own.Own"},
            "'own.Own' doesn't name a class; write it as package.module:Class",
        ),
        (("--method", "own:Own"), {}, "own:Own is named my own, as is own:Own"),
        (("--traceback",), {"own": None}, "--traceback would do nothing"),
        (("--predictions",), {}, "--predictions writes a file for each row; pass --out FOLDER"),
        (("--against", "sae"), {}, "--against is 'sae', which takes no part; add it to --methods"),
        (("--against", "mine"), {}, "--against is 'mine', which is no method"),
        (("--against", "eszsl"), {"own": None}, "--against eszsl would do nothing"),
        (("--routed",), {"own": None, "methods": "ours"}, "--routed would do nothing"),
    ],
)
def test_bad_options_are_one_sentence(compare, tmp_path, one_error_line, options, how, part):
    before = {path.name for path in tmp_path.iterdir()}
    one_error_line(compare(*options, **how), part)
    assert {path.name for path in tmp_path.iterdir()} - before <= {"__pycache__"}


def test_differences_against_a_method_of_choice(compare):
    facts = facts_of(compare("--seeds", 2, "--json", "--against", "My Own", methods="eszsl,sae"))
    rows = {row["method"]: row for row in facts["rows"]}
    h = {name: row["calibrated_H"] for name, row in rows.items()}
    for name, row in rows.items():
        expected = None if name == "my own" else pytest.approx(h[name] - h["my own"])
        assert row["difference"] == expected and row["against"] == "my own"
        assert row["difference_low"] is None  # one row each, and no labels
    default = facts_of(compare("--seeds", 2, "--json", methods="sae,eszsl"))
    assert {row["against"] for row in default["rows"]} == {"SAE"}  # the first of --methods


def test_labels_are_kept_and_give_intervals(compare, tmp_path):
    options = ("--seeds", 2, "--out", "out", "--routed", "--json", "--against", "sje")

    def run(*more):
        return compare(*options, *more, methods="eszsl,sje,ours")

    kept = facts_of(run("--predictions"))
    rows = {(row["method"], row["routed"]): row for row in kept["rows"]}
    assert rows.pop(("SJE", False))["difference"] is None
    for row in rows.values():
        assert row["difference_covers"] == "test samples and seeds"
        assert row["difference_pairs"] == 2
        assert row["difference_low"] <= row["difference"] <= row["difference_high"]
        assert row["difference_low"] < row["difference_high"]
    files = {f"{p.parent.name}/{p.name}" for p in (tmp_path / "out").rglob("*.npz")}
    expected = {f"routed/{name}-{s}.npz" for name in ("my own", "ESZSL", "SJE") for s in (0, 1)}
    expected |= {f"alone/{name}-{s}.npz" for name in ("ours", "SJE") for s in (0, 1)}
    assert files == expected | {"alone/my own-0.npz", "alone/ESZSL-0.npz"}
    again = run("--predictions")
    assert "12 of 12 rows are in" in again.stderr
    assert facts_of(again)["rows"] == kept["rows"]
    (tmp_path / "out" / "predictions" / "alone" / "SJE-1.npz").unlink()
    one_gone = run("--predictions")
    assert "11 of 12 rows are in" in one_gone.stderr
    assert without_seconds(facts_of(one_gone)["rows"]) == without_seconds(kept["rows"])
    over = {row["difference_covers"] for row in facts_of(run())["rows"]}
    assert over == {None, "seeds"}


def without_seconds(rows):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def test_a_damaged_file_of_labels_is_one_sentence(compare, tmp_path, one_error_line):
    options = ("--seeds", 1, "--out", "out", "--predictions")
    assert compare(*options).exit_code == 0
    path = tmp_path / "out" / "predictions" / "alone" / "ESZSL-0.npz"
    path.write_bytes(path.read_bytes()[:-40])
    one_error_line(compare(*options), "ESZSL-0.npz", "damaged")
    path.unlink()
    assert "1 of 2 rows are in" in compare(*options).stderr


def test_a_class_with_labels_alone(compare, tmp_path):
    (tmp_path / "own.py").write_text(
        "class Own:\n"
        "    def fit(self, X, y, A): pass\n"
        "    def predict(self, X, A, classes): return [classes[0]] * len(X)\n"
    )
    result = compare("--seeds", 1, "--routed", "--json", "--predictions", "--out", "out")
    rows = {(row["method"], row["routed"]): row for row in facts_of(result)["rows"]}
    assert set(rows) == {("Own", False), ("ESZSL", False), ("ESZSL", True)}
    mine = rows["Own", False]
    assert (mine["S"], mine["U"], mine["calibrated_H"], mine["zsl"]) == (0, 0.5, None, None)
    assert mine["difference_covers"] is None or mine["difference"] < 0
    with np.load("out/predictions/alone/Own-0.npz") as file:
        assert "label_calibrated" not in file.files and set(file["label"]) == {2}
