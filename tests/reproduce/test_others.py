"""The other systems of tables 2 and 3, measured beside what is printed."""

import pytest

import tinygzsl as tz
from tinygzsl.baselines import METHODS, SAE, SYNC
from tinygzsl.reproduce.others import printed_name, systems
from tinygzsl.reproduce.published import published


def test_every_printed_row_is_a_method():
    for table in ("table2", "table3"):
        printed = published(table)
        rows = {row for _, row, _ in printed} - {"ours"}
        assert rows <= {printed_name(name) for name in METHODS}
    assert {
        name for t in ("table2", "table3") for name in systems(t, "letters", printed=published(t))
    } == set(METHODS) - {"PrototypeRidge", "ClassNormalization"}  # later than the paper


def test_which_systems_are_measured_on_a_dataset():
    printed = published("table2")
    awa1 = ["DeViSE", "SJE", "ALE", "SAE", "SYNC", "DEM", "FCLSWGAN", "SEGZSL", "FVAEGAN"]
    assert systems("table2", "awa1", printed=printed) == awa1
    assert "DSEN" in systems("table2", "cub", printed=printed)
    assert systems("table3", "my data", printed=published("table3"))[0] == "ConSE"
    assert systems("table4", "awa1", printed=published("table4")) == []


def test_they_stand_beside_the_printed_numbers(reproduce, cell, tmp_path, write_splits):
    write_splits(tmp_path / "hmdb51", splits=(1, 2))
    facts = reproduce(
        "table3", "hmdb51", "--root", tmp_path, "--methods", "eszsl,sync", "--seeds", "0-1"
    )
    eszsl = cell(facts, "hmdb51", "ESZSL", "H")
    assert (eszsl["published"], eszsl["over"]) == (0.08, "2 splits")
    assert eszsl["difference"] == pytest.approx(eszsl["measured"] - 0.08)
    h = []
    for split in (1, 2):
        data = tz.load_dataset("hmdb51", root=tmp_path, split=split)
        model = SYNC().fit(data.X_train, data.y_train, data.seen_prototypes)
        h.append(tz.evaluate(model, data)["H"])
    assert cell(facts, "hmdb51", "SYNC", "H")["measured"] == pytest.approx(sum(h) / 2)
    assert cell(facts, "hmdb51", "ours", "H")["status"] == "not run"
    assert cell(facts, "hmdb51", "GGM *", "H")["status"] == "other system"


def test_settings_and_failures(reproduce, cell, folder, tmp_path, monkeypatch):
    file = tmp_path / "own.toml"
    file.write_text('[ESZSL."tiny.npz"]\noffset = 0.5\n')

    def fail(model, *arrays):
        raise FloatingPointError("SAE diverged")

    monkeypatch.setattr(SAE, "_fit", fail)
    options = ("--methods", "sae,eszsl", "--settings", file)
    facts = reproduce("table2", folder, *options, exit_code=1)
    assert list(facts["failed"]) == ["tiny.npz, SAE, seed 0"]
    assert facts["failed"]["tiny.npz, SAE, seed 0"] == "SAE diverged"
    plain = reproduce("table2", folder, "--methods", "eszsl")
    row = ("tiny.npz", "ESZSL", "H")
    assert cell(facts, *row)["measured"] == cell(plain, *row)["measured"]  # without an offset


def test_settings_that_fit_nothing_and_a_file_as_folder(reproduce, folder, tmp_path):
    file = tmp_path / "own.toml"
    file.write_text("[SAE.cub]\noffset = 0.5\n")
    message = reproduce("table2", folder, "--settings", file, exit_code=2)
    assert "settings for cub, but none for tiny.npz" in message
    message = reproduce("table2", folder, "--out", file, exit_code=2)
    assert "own.toml is a file; pass a folder" in message


def test_other_targets_take_no_methods(reproduce, folder):
    message = reproduce("table4", folder, "--methods", "ours", exit_code=2)
    assert "--methods would do nothing" in message
    message = reproduce("table2", folder, "--methods", "eszl", exit_code=2)
    assert "did you mean ESZSL" in message
