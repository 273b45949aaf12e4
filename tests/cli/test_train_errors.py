"""`tinygzsl train` with bad input and on a broken disk: one sentence, no traceback."""

import errno
from pathlib import Path

import numpy as np
import pytest


def test_a_run_folder_that_exists(run_cli, fast_options, data, trained, one_error_line):
    before = (trained / "model.npz").read_bytes()
    result = run_cli("train", data, *fast_options, "--out", trained)
    one_error_line(result, trained, "exists", "--out", "--resume")
    assert (trained / "model.npz").read_bytes() == before


def test_a_folder_that_cannot_be_made(run_cli, fast_options, data, tmp_path, one_error_line):
    (tmp_path / "file").write_text("no folder")
    result = run_cli("train", data, *fast_options, "--out", tmp_path / "file" / "run")
    one_error_line(result, tmp_path / "file", "a part of this path is a file")


def test_a_folder_without_permission(
    run_cli, fast_options, data, tmp_path, monkeypatch, one_error_line
):
    def refuse(self, *args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    result = run_cli("train", data, *fast_options, "--out", tmp_path / "run")
    one_error_line(result, tmp_path / "run", "Permission denied; choose a place you may write to")


def test_a_full_disk(run_cli, fast_options, data, tmp_path, monkeypatch, one_error_line):
    def full(file, **arrays):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    result = run_cli("train", data, *fast_options, "--out", tmp_path / "run")
    one_error_line(result, tmp_path / "run", "gan.npz: No space left on device; free some space")
    assert not (tmp_path / "run").exists()


def test_a_window_that_is_never_reached_says_the_range(
    run_cli, fast_options, data, tmp_path, one_error_line
):
    options = ("--set", "cs.low=0.98", "--set", "cs.high=0.99", "--set", "gan.max_epochs=3")
    result = run_cli("train", data, *fast_options, *options, "--out", tmp_path / "run")
    one_error_line(result, "no snapshot has 0.98 <", "it went from", "gan_max_epochs")


def test_diverged_training_exits_with_1_and_leaves_no_model(
    run_cli, fast_options, data, tmp_path, one_error_line
):
    options = ("--set", "gan.lr=1e30")
    with np.errstate(all="ignore"):
        result = run_cli("train", data, *fast_options, *options, "--out", tmp_path / "run")
    one_error_line(result, "diverged", "lower gan_lr", code=1)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--preset", "huge"), ("'huge'", "paper-awa1")),
        (("--set", "gan.rate=1"), ("'gan_rate'", "gan_lr")),
        (("--set", "gan.lr"), ("'gan.lr'", "section.key=value")),
        (("--set", "gan.lr=fast"), ("gan_lr", "'fast'")),
        (("--set", "gan.lr=-1"), ("gan_lr is -1", "more than 0")),
        (("--set", "router.delta_low=2"), ("router_delta_low is 2", "1.5")),
        (("--seed", "-1"), ("seed is -1",)),
        (("--dtype", "float16"), ("'float16'", "float64")),
        (("--device", "tpu"), ("'tpu'", "cuda")),
        (("--split", "3"), ("split is 3",)),
        (("--prototypes", "word2vec"), ("word2vec",)),
        (("--prototypes", "att,"), ("'att,'", "a name is missing")),
        (("--prototypes", "att,original_att"), ("('att', 'original_att')", "StackedGZSL", "best")),
        (("--set", "seed=3"), ("seed is not a setting", "--seed 3")),
        (("--set", "cs.high=.3"), ("cs_low is 0.4 and cs_high 0.3",)),
        (("--device", "cuda"), ("device 'cuda' can't be used", "device='cpu'")),
        (("--config", "none.toml"), ("none.toml", "does not exist")),
    ],
)
def test_bad_options(run_cli, data, tmp_path, options, parts, one_error_line):
    result = run_cli("train", data, *options, "--out", tmp_path / "run")
    one_error_line(result, *parts)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("gan = [", ("not valid TOML",)),
        ("sede = 3", ("top-level key 'sede'", "seed")),
        ("data = 3", ("data = 3", "[data]")),
        ("preset = [1]", ("preset is [1]",)),
        ("[data]\nfolder = 'x'", ("key of [data] 'folder'", "root")),
        ("[gan]\nrate = 3", ("'gan_rate'",)),
        ("[gan]\nlr = 'x'", ("gan_lr is 'x'",)),
    ],
)
def test_bad_config_files(run_cli, data, tmp_path, text, parts, one_error_line):
    (tmp_path / "config.toml").write_text(text)
    result = run_cli("train", data, "--config", tmp_path / "config.toml", "--out", tmp_path / "run")
    one_error_line(result, *parts)


def test_no_dataset(run_cli, one_error_line):
    one_error_line(run_cli("train"), "no dataset is named", "tinygzsl train letters")


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"labels": np.ones((140, 1), np.uint8)}, ("class",)),
        ({"labels": np.full((140, 1), 99)}, ("99", "8")),
        ({"att": None}, ("att",)),
        ({"att": np.ones((6, 5))}, ("att",)),
        ({"features": np.ones((10, 139))}, ("139", "140")),
        ({"features": np.full((10, 140), np.nan)}, ("700 values that are NaN or inf", "row 0")),
        ({"att": np.full((6, 8), np.inf)}, ("prototypes", "30 values")),
        ({"trainval_loc": np.array([[141]])}, ("141", "140")),
    ],
)
def test_bad_datasets(
    run_cli, fast_options, write_xlsa17, tmp_path, changes, parts, one_error_line
):
    write_xlsa17(tmp_path / "bad", **changes)
    result = run_cli("train", tmp_path / "bad", *fast_options, "--out", tmp_path / "run")
    one_error_line(result, *parts)
    assert not (tmp_path / "run").exists()


def test_a_missing_dataset(run_cli, tmp_path, one_error_line):
    one_error_line(run_cli("train", tmp_path / "none"), tmp_path / "none", "does not exist")
    one_error_line(run_cli("train", "cub", "--root", tmp_path), "cub was not found", tmp_path)
