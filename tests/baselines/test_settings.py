"""Settings per dataset, names of methods, parameters counted."""

from dataclasses import fields

import numpy as np
import pytest

from tinygzsl.baselines import METHODS
from tinygzsl.baselines.methods import method, n_parameters
from tinygzsl.baselines.settings import (
    STORED,
    Chosen,
    chosen_for,
    read_settings,
    write_settings,
)


@pytest.mark.wheel
def test_stored_settings_are_of_methods_and_have_an_origin():
    stored = read_settings(STORED)
    assert stored
    for (name, dataset), chosen in stored.items():
        assert name in (*METHODS, "ours"), name
        assert chosen.origin.partition(": ")[0] in ("published", "validated", "decided"), (
            name,
            dataset,
        )
        if name != "ours":
            kind = method(name)
            assert set(chosen.params) <= {f.name for f in fields(kind)}
            kind(**chosen.params)


def test_published_settings():
    assert chosen_for("FCLSWGAN", "awa1").params["per_class"] == 1800
    assert chosen_for("FCLSWGAN", "CUB").params["per_class"] == 300
    assert chosen_for("DEM", "cub").params["weight_decay"] == 1e-2
    assert chosen_for("SAE", "awa1").params["encoding_weight"] == 3.2
    assert chosen_for("SAE", "no_such_data") == Chosen({}, "default")


def test_a_file_goes_before_the_stored_ones(tmp_path):
    path = tmp_path / "own.toml"
    mine = {
        ("ESZSL", "awa1"): Chosen({"regularize_features": 1.0, "features": "l2"}, "validated: x")
    }
    mine["ConSE", "my data"] = Chosen({"ptc_l2": (0.1, 0.2)}, 'by "hand"')
    mine["ours", "awa1"] = Chosen({"preset": "small", "vsmm_hidden": (8, 8)}, "mine")
    write_settings(path, mine)
    assert read_settings(path) == mine
    assert chosen_for("ESZSL", "AWA1", path) == mine["ESZSL", "awa1"]
    assert chosen_for("ESZSL", "cub", path).origin.startswith("published")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("x = ", ("not valid TOML",)),
        ("x = 1", ("x outside of a section", "[METHOD.DATASET]")),
        ("[SAE]\nx = 1", ("x outside of a section", "[SAE.DATASET]")),
        ("[NONE.a]\nx = 1", ("no method 'NONE'",)),
        ("[ESZL.a]\nx = 1", ("'ESZL'", "did you mean ESZSL")),
        ("[SAE.a]\nx = 1", ("[SAE.a] has 'x'", "encoding_weight")),
        ("[SAE.a]\nencoding_weight = 'x'", ("encoding_weight = 'x'", "3.2")),
        ("[SAE.a]\norigin = 1", ("origin = 1",)),
        ("[ConSE.a]\ncandidates = 1.5", ("candidates = 1.5",)),
        ("[ours.a]\ngan_rate = 1", ("'gan_rate'",)),
    ],
)
def test_a_bad_file_is_a_sentence(tmp_path, sentence, text, parts):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with sentence(ValueError, *parts):
        read_settings(path)


def test_names_of_methods(sentence):
    for name in ("f-CLSWGAN", "fclswgan", "FCLSWGAN", "F-clswgan"):
        assert method(name).__name__ == "FCLSWGAN"
    titles = {"DZSL": "DEM", "SE-GZSL": "SEGZSL", "f-VAEGAN-D2": "FVAEGAN", "CEWGAN": "CEWGANOD"}
    for title, name in titles.items():
        assert method(title).__name__ == name
    for name in METHODS:
        assert method(method(name).title).__name__ == name
    with sentence(ValueError, "'zzz'", "known are ConSE"):
        method("zzz")


def test_parameters_are_counted(fit, tiny_dataset):
    assert n_parameters(fit("ESZSL")) == 12 * 6
    assert n_parameters(fit("DEM", hidden=10, steps=1)) == (6 + 1) * 10 + (10 + 1) * 12
    assert n_parameters(fit("ConSE")) == 12 * 5 + 5
    gan = fit("FCLSWGAN", per_class=5, classifier_epochs=1)
    generator = sum(np.size(p) for p in gan._generator.params)
    assert n_parameters(gan) == generator + (12 + 1) * 7
