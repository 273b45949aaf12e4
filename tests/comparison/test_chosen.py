"""Settings per dataset, names of methods, parameters counted."""

from dataclasses import fields

import pytest

from tinygzsl.baselines import METHODS
from tinygzsl.baselines.methods import from_state, method, n_parameters
from tinygzsl.comparison.chosen import STORED, Chosen, chosen_for, read_settings, write_settings

# As their sources print them, written here a second time.
ESZSL = {"targets": "zero_one", "regularize_features": 3.0, "regularize_prototypes": 0.0}
PUBLISHED = {
    ("ConSE", "awa1"): {"candidates": 10},
    ("ConSE", "cub"): {"candidates": 10},
    ("DeViSE", "awa1"): {"features": "standard", "lr": 0.01, "margin": 200.0},
    ("DeViSE", "cub"): {"features": "l2", "lr": 1.0, "margin": 1.0},
    ("SJE", "awa1"): {"features": "l2", "lr": 1.0, "margin": 2.5},
    ("SJE", "cub"): {"features": "standard", "lr": 0.1, "margin": 4.0},
    ("ALE", "awa1"): {"features": "l2", "lr": 0.01},
    ("ALE", "cub"): {"features": "l2", "lr": 0.3},
    ("ESZSL", "awa1"): ESZSL,
    ("ESZSL", "cub"): ESZSL,
    ("SAE", "awa1"): {"direction": "encoder", "encoding_weight": 3.2},
    ("SAE", "cub"): {"direction": "encoder", "encoding_weight": 80.0},
    ("FCLSWGAN", "awa1"): {"classification_weight": 0.01, "gan_lr": 1e-5, "per_class": 1800},
    ("FCLSWGAN", "cub"): {"classification_weight": 0.01, "gan_lr": 1e-4, "per_class": 300},
}


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
    for (name, dataset), params in PUBLISHED.items():
        assert chosen_for(name, dataset.upper()).params == params, (name, dataset)
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
    assert chosen_for("ESZSL", "AWA1", path=path) == mine["ESZSL", "awa1"]
    assert chosen_for("ESZSL", "cub", path=path).origin.startswith("published")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("x = ", ("not valid TOML",)),
        ("x = 1", ("x outside of a section", "[METHOD.DATASET]")),
        ("[SAE]\nx = 1", ("x outside of a section", "[SAE.DATASET]")),
        ("[NONE.a]\nx = 1", ("no method 'NONE'",)),
        ("[ESZL.a]\nx = 1", ("'ESZL'", "did you mean ESZSL")),
        ("[SAE.a]\nx = 1", ("[SAE.a]: SAE has no setting 'x'", "encoding_weight")),
        ("[SAE.a]\noffst = 1", ("[SAE.a]: SAE has no setting 'offst'; did you mean offset?",)),
        ("[SAE.a]\nencoding_weight = 'x'", ("encoding_weight = 'x'", "3.2")),
        ("[SAE.a]\norigin = 1", ("origin is 1",)),
        ("[SAE.a]\nencoding_weight = -1", ("[SAE.a]", "encoding_weight is -1")),
        ("[FCLSWGAN.a]\ngan_output = 'bogus'", ("[FCLSWGAN.a]", "'bogus'")),
        ("[SAE.a]\noffset = nan", ("[SAE.a]", "offset = nan")),
        ("[SAE.a]\nfeatures = 'bogus'", ("[SAE.a]", "'bogus'")),
        ("[SAE.a]\noffset = 1\n[sae.A]\noffset = 2", ("[sae.A] repeats", "[SAE.a]")),
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
    assert n_parameters(gan) == n_parameters(fit("GGM")) == (12 + 1) * 7  # without generators
    assert n_parameters(fit("PSR", hidden=10, steps=1)) == (6 + 1) * 10 + (10 + 1) * 12


@pytest.mark.parametrize("name", ["PSR", "SADLE", "DSEN", "GGM", "FCLSWGAN", "CEWGANOD"])
def test_what_is_not_counted_is_not_needed(name, fit, tiny_dataset):
    data, model = tiny_dataset(), fit(name)
    before, n = model.decision_function(data.X_test, data.unseen_prototypes), n_parameters(model)
    smaller = from_state(model.state())
    gone = set(vars(model)) - set(vars(smaller))
    gone |= set(getattr(model, "_nets", {})) - set(getattr(smaller, "_nets", {}))
    for key in ("unseen_means_", "unseen_variances_"):
        if vars(smaller).pop(key, None) is not None:
            gone.add(key)
    after = smaller.decision_function(data.X_test, data.unseen_prototypes)
    assert gone and after.tobytes() == before.tobytes()
    assert n_parameters(model) == n
