"""config.toml: it is read back as it was written, and its comments say what each setting is."""

import tomllib
from pathlib import Path

import pytest

from tinygzsl.cli.config import absolute_source
from tinygzsl.datasets import load_dataset
from tinygzsl.runs.config import HEAD, config_text, read_config, read_source
from tinygzsl.settings import PRESETS, Settings, settings_for
from tinygzsl.settings.describe import comment
from tinygzsl.settings.table import SETTINGS

TOP = {"preset": "small", "seed": 3, "device": "cpu", "dtype": "float32"}
DATA = {"name_or_path": 'of "mine" # \x7f', "root": None, "split": 2, "prototypes": "att"}
OLD = Path(__file__).parents[1] / "data" / "v0.1.0" / "run" / "config.toml"


@pytest.mark.parametrize("preset", PRESETS)
def test_it_is_read_back_as_it_was_written(tmp_path, preset):
    settings = settings_for(preset, {"gan_lr": 1e-300, "vsmm_hidden": [7, 8]})
    (tmp_path / "config.toml").write_text(config_text(TOP, DATA, settings), encoding="utf-8")
    top, data, flat = read_config(tmp_path / "config.toml")
    assert top == TOP
    assert data == {key: value for key, value in DATA.items() if value is not None}
    assert settings_for("paper", flat) == settings


def test_every_key_has_its_comment_above_it():
    lines = config_text(TOP, DATA, Settings()).splitlines()
    assert lines[0] == HEAD
    section = None
    for i, line in enumerate(lines):
        if line.startswith("["):
            section = line[1:-1]
        elif " = " in line and not line.startswith("#") and section not in (None, "data"):
            own = comment(SETTINGS[f"{section}_{line.split(' = ')[0]}"])
            assert lines[i - len(own) : i] == own
    assert "# Learning rate of Adam for the VSMM. Range: more than 0." in lines


def test_only_some_settings():
    text = config_text(TOP, DATA, Settings(gan_lr=0.5), only={"gan_lr"})
    assert tomllib.loads(text).keys() == {*TOP, "data", "gan"}
    assert tomllib.loads(text)["gan"] == {"lr": 0.5}


def test_without_comments_the_text_is_what_0_1_0_wrote():
    top, data, flat = read_config(OLD)
    text = config_text(top, data, settings_for("paper", flat))
    kept = [line for line in text.splitlines() if not line.startswith("#")]
    was = OLD.read_text(encoding="utf-8").splitlines()
    assert [line for line in kept if line in was] == was
    new = ("features", "weights", "means", "deviations", "intercept", "kappa", "offset")
    assert [x.split(" = ")[0] for x in kept if x not in was] == [*new, "fold_unseen"]
    assert read_source(OLD) == data


def test_a_source_with_views_is_read_back(tmp_path, write_xlsa17):
    write_xlsa17(tmp_path / "data")
    data = load_dataset(tmp_path / "data", prototypes=("att", "original_att"))
    path = tmp_path / "config.toml"
    path.write_text(config_text(TOP, absolute_source(data.source), Settings()), encoding="utf-8")
    assert 'prototypes = "att,original_att"' in path.read_text(encoding="utf-8")
    again = load_dataset(**read_source(path))
    assert list(again.seen_prototypes) == ["att", "original_att"]
    assert again.sha256() == data.sha256()
