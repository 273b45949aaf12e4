"""`tinygzsl tune`: what it writes, what it refuses, and that it can't see unseen or test data."""

import csv
import json
import tomllib

import numpy as np
import pytest

OPTIONS = [
    *("--folds", "2"),
    *(
        part
        for setting in (
            "gan.generator_hidden=[16]",
            "gan.critic_hidden=[16]",
            "gan.lr=1e-2",
            "gan.batch=16",
            "gan.max_epochs=24",
            "cs.low=0.01",
            "cs.high=0.3",
            "proxy.count=100",
            "vsmm.latent=16",
            "vsmm.lr=1e-2",
            "vsmm.batch=16",
            "vsmm.epochs=4",
        )
        for part in ("--set", setting)
    ),
]


@pytest.fixture
def tune(run_cli, tmp_path):
    """tune(source, *options) -> click's Result, the files at tmp_path / out.*"""

    def call(source, *options, out="tuned.toml"):
        return run_cli("tune", source, *OPTIONS, "--out", tmp_path / out, *options)

    return call


def test_the_config_trains_and_the_trials_are_listed(tune, run_cli, write_xlsa17, tmp_path):
    write_xlsa17(tmp_path / "data")
    result = tune(tmp_path / "data", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    config = tomllib.loads((tmp_path / "tuned.toml").read_text())
    assert (config["preset"], config["seed"], config["vsmm"]["epochs"]) == ("small", 0, 4)
    assert config["data"]["name_or_path"] == str(tmp_path / "data")
    for name, value in facts["chosen"].items():
        section, key = name.split("_", 1)
        assert config[section][key] == value
    with open(tmp_path / "tuned.trials.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["stage"] for row in rows] == [trial["stage"] for trial in facts["trials"]]
    assert float(rows[0]["H"]) == pytest.approx(facts["trials"][0]["H"], abs=1e-4)
    assert len(rows[0]["H_by_fold"].split()) == 2
    assert result.stderr.count("\n") >= len(rows)
    trained = run_cli("train", "--config", tmp_path / "tuned.toml", "--out", tmp_path / "run")
    assert trained.exit_code == 0, trained.output
    assert run_cli("evaluate", tmp_path / "run").exit_code == 0


def test_the_text_shows_gates_and_the_next_command(tune, write_xlsa17, tmp_path):
    write_xlsa17(tmp_path / "data")
    result = tune(tmp_path / "data", "--set", "vsmm.weight_es=0")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("(taken)") == 1
    lines = result.stdout.splitlines()
    table = lines[lines.index(next(line for line in lines if line.startswith("gate: "))) :][:7]
    assert [line.split("  ")[0] for line in table] == [
        *("gate: unit, or features", "hard: fraction", "hard: nats", "soft: fraction"),
        *("soft: nats", "learned: entropy, gap", "learned: entropy, gap, neighbours"),
    ]
    for line in table[1:]:
        assert 0 <= float(line[33:38]) <= 1
        assert 0 <= float(line[40:45]) <= 1
    assert f"next: tinygzsl train --config {tmp_path / 'tuned.toml'}" in result.stdout


def test_nothing_of_unseen_classes_and_test_samples_is_used(tune, write_xlsa17, tmp_path):
    content = write_xlsa17(tmp_path / "original" / "data")
    test = np.concatenate([content["test_seen_loc"], content["test_unseen_loc"]]).astype(int) - 1
    changes = {
        "original": lambda values: values,
        "permuted": lambda values: values[:, ::-1],
        "scaled": lambda values: 1000 * values,
        "nan": lambda values: np.full_like(values, np.nan),
    }
    found = {}
    for name, change in changes.items():
        features, att = content["features"].copy(), content["att"].copy()
        features[:, test.ravel()] = change(features[:, test.ravel()])
        att[:, [2, 7]] = change(att[:, [2, 7]])
        write_xlsa17(tmp_path / name / "data", features=features, att=att)
        result = tune(tmp_path / name / "data", "--json", out=f"{name}.toml")
        assert result.exit_code == 0, result.output
        facts = json.loads(result.stdout)
        trials = (tmp_path / f"{name}.trials.csv").read_text()
        found[name] = [trials, *(facts[key] for key in ("H", "chosen", "gates", "trials"))]
    for name in changes:
        assert found[name] == found["original"], name


def test_training_samples_are_used(tune, write_xlsa17, tmp_path):
    content = write_xlsa17(tmp_path / "one" / "data")
    features = content["features"].copy()
    features[1, content["trainval_loc"][:10, 0] - 1] += 0.5
    write_xlsa17(tmp_path / "other" / "data", features=features)
    trials = []
    for name in ("one", "other"):
        tune(tmp_path / name / "data", out=f"{name}.toml")
        trials.append((tmp_path / f"{name}.trials.csv").read_text())
    assert trials[0] != trials[1]


def test_an_existing_file_is_refused_before_any_work(tune, write_xlsa17, tmp_path):
    write_xlsa17(tmp_path / "data")
    for name in ("tuned.toml", "tuned.trials.csv"):
        (tmp_path / name).write_text("mine")
        result = tune(tmp_path / "data")
        assert result.exit_code == 2
        assert f"{tmp_path / name} exists" in result.output
        assert (tmp_path / name).read_text() == "mine"
        (tmp_path / name).unlink()
    result = tune(tmp_path / "data", out="missing/tuned.toml")
    assert (result.exit_code, "does not exist" in result.output) == (2, True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--folds", "0"), "folds is 0"),
        (("--folds", "1000"), "pass at most 20"),
        (("--set", "router.delta_low=1.45"), "router_delta_low is fixed at 1.45"),
        (("--set", "vsmm.rate=1"), "no setting 'vsmm_rate'"),
        (("--preset", "papper"), "preset is 'papper'"),
        (("--seed", "-1"), "seed is -1"),
        (("--device", "gpu"), "device is 'gpu'"),
        (("--set", "vsmm.epochs=0"), "vsmm_epochs is 0"),
        (("--prototypes", "att,original_att"), "dict of views ('att', 'original_att')"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_no_file(tune, write_xlsa17, tmp_path, options, words):
    write_xlsa17(tmp_path / "data")
    result = tune(tmp_path / "data", *options)
    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output
    assert not list(tmp_path.glob("*tuned*"))


def test_nan_in_training_samples_is_refused(tune, write_xlsa17, tmp_path):
    content = write_xlsa17(tmp_path / "data")
    features = content["features"].copy()
    features[1, content["trainval_loc"][0, 0] - 1] = np.nan
    write_xlsa17(tmp_path / "data", features=features)
    result = tune(tmp_path / "data")
    assert result.exit_code == 2
    assert "NaN or inf" in result.output
    assert not list(tmp_path.glob("*tuned*"))


def test_train_with_preset_auto_is_tune_and_train(tune, run_cli, write_xlsa17, tmp_path):
    write_xlsa17(tmp_path / "data")
    command = ("tune", tmp_path / "data", *OPTIONS[2:], "--preset", "auto")
    assert run_cli(*command, "--out", tmp_path / "tuned.toml").exit_code == 0  # of default folds
    assert tomllib.loads((tmp_path / "tuned.toml").read_text())["preset"] == "small"
    options = ["--preset", "auto", *OPTIONS[2:], "--out", tmp_path / "auto"]
    result = run_cli("train", tmp_path / "data", *options)
    assert result.exit_code == 0, result.output
    written = (tmp_path / "auto" / "config.toml").read_text().splitlines()
    tuned = (tmp_path / "tuned.toml").read_text().splitlines()
    assert [x for x in written if x not in tuned] == ['dtype = "float32"']
    trials = (tmp_path / "auto" / "trials.csv").read_text()
    assert trials == (tmp_path / "tuned.trials.csv").read_text()


def test_every_option_has_a_help_text(run_cli):
    from tinygzsl.cli.main import main

    assert run_cli("tune", "--help").exit_code == 0
    for option in main.commands["tune"].params:
        assert option.name == "dataset" or option.help


def test_a_terminal_sees_an_end(tune, write_xlsa17, tmp_path, monkeypatch):
    from tinygzsl.cli import progress

    monkeypatch.setattr(progress.Progress, "__init__", _on_a_terminal(progress.Progress.__init__))
    write_xlsa17(tmp_path / "data")
    result = tune(tmp_path / "data", "--set", "vsmm.weight_es=0")
    assert "validating settings [" in result.stderr
    assert "4/4" in result.stderr
    assert "left" in result.stderr


def _on_a_terminal(init):
    def changed(self, stream=None):
        init(self, stream)
        self.on = True

    return changed
