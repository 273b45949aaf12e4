import re
from dataclasses import FrozenInstanceError, asdict, dataclass, fields

import numpy as np
import pytest

from tinygzsl.nn.ops import ACTIVATIONS
from tinygzsl.settings import GROUPS, PRESETS, Settings, settings_for
from tinygzsl.settings.describe import allowed, comment, summary, type_name
from tinygzsl.settings.setting import setting, setting_of
from tinygzsl.settings.table import SETTINGS

FIELDS = {field.name: field.default for field in fields(Settings)}
NUMBERS = [name for name, found in SETTINGS.items() if found.is_number]
CHOICES = {name: found.choices for name, found in SETTINGS.items() if found.choices}
MAY_BE_ZERO = {
    "gan_latent",
    "gan_beta1",
    "vsmm_beta1",
    "gan_penalty",
    "cs_low",
    "vsmm_weight_ae",
    "vsmm_weight_le",
    "vsmm_weight_clf",
    "vsmm_weight_es",
    "vsmm_gamma",
    "router_delta_low",
    "router_delta_high",
    "router_bias",
}
# Of the learned gate: numbers that a fit finds, of either sign.
UNBOUNDED = {"router_weights", "router_means", "router_intercept", "router_offset"}
BELOW_ONE = ("gan_beta1", "gan_beta2", "vsmm_beta1", "vsmm_beta2", "cs_held_out", "router_held_out")


@pytest.mark.wheel
def test_the_paper_preset_holds_the_constants_of_the_paper():
    settings = settings_for("paper")
    assert settings == Settings()
    assert settings.vsmm_gamma == 1
    assert (settings.router_delta_low, settings.router_delta_high) == (0.5, 1.5)
    assert settings.router_gate == "hard"
    assert settings.gan_penalty == 10
    assert settings.gan_critic_steps == 5
    assert (settings.cs_unit, settings.cs_low, settings.cs_high) == ("relative", 0.4, 0.7)
    assert settings.proxy_count >= 3000


def test_presets_of_data_sets():
    assert settings_for("paper-awa1").gan_lr == 1e-5
    assert settings_for("paper-cub").gan_lr == 1e-4
    for name in ("paper-hmdb51", "paper-ucf101"):
        assert settings_for(name).gan_generator_hidden == (4096, 4096)
        assert settings_for(name).gan_lr == 1e-4
    assert settings_for("small").gan_generator_hidden == (1024,)
    assert settings_for("small").vsmm_reduction == "mean"


@pytest.mark.parametrize("preset", PRESETS)
def test_overrides_win_and_none_keeps_the_value_of_the_preset(preset):
    plain = settings_for(preset)
    changed = settings_for(preset, {"gan_lr": 0.125, "vsmm_epochs": None})
    assert changed.gan_lr == 0.125
    assert {**asdict(plain), "gan_lr": 0.125} == asdict(changed)


def test_overrides_may_be_lists():
    settings = settings_for("paper", {"gan_critic_hidden": [32, 16], "ptc_l2": [0.1]})
    assert settings.gan_critic_hidden == (32, 16)
    assert settings.ptc_l2 == (0.1,)


def test_overrides_take_the_declared_type():
    given = {"vsmm_gamma": 2, "gan_lr": np.float32(0.5), "gan_batch": np.int64(8), "cs_low": 0}
    settings = settings_for("paper", given)
    assert settings == Settings(vsmm_gamma=2.0, gan_lr=0.5, gan_batch=8, cs_low=0.0)
    assert [type(getattr(settings, name)) for name in given] == [float, float, int, float]


def test_settings_are_frozen():
    with pytest.raises(FrozenInstanceError):
        Settings().gan_lr = 1.0


@pytest.mark.wheel
def test_sections_hold_every_setting_once():
    sections = Settings(gan_lr=0.25).sections()
    assert list(sections) == ["scale", "gan", "ptc", "cs", "proxy", "vsmm", "router"]
    assert sections["gan"]["lr"] == 0.25
    flat = {f"{s}_{key}": value for s, part in sections.items() for key, value in part.items()}
    assert flat == {**FIELDS, "gan_lr": 0.25}


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_every_setting_says_what_it_is_and_where_it_comes_from(field):
    found = setting_of(field)
    assert (found.name, found.default) == (field.name, field.default)
    sentences = re.split(r"(?<=\.) (?=[A-Z])", found.text)
    assert 1 <= len(sentences) <= 3
    assert all(len(sentence) > 15 and sentence.endswith(".") for sentence in sentences)
    assert len(found.source) > 3
    assert not found.source.endswith(".")
    if found.is_number:
        assert bool(found.range) == (field.name not in UNBOUNDED)
        assert not found.choices
    elif found.kind is bool:
        assert not found.range
        assert not found.choices
    else:
        assert found.kind is str
        assert len(found.choices) > 1
        words = field.default if found.is_list else (field.default,)
        assert set(words) <= set(found.choices)
    assert type_name(found)
    assert allowed(found) or field.name in UNBOUNDED
    assert found.text.startswith(summary(found))


def test_a_field_that_says_nothing_of_itself_is_refused(sentence):
    @dataclass(frozen=True, kw_only=True)
    class Planted(Settings):
        gan_new: float = 0.5

    with sentence(TypeError, "gan_new is a plain field", "setting(0.5, text=..., source=...)"):
        [setting_of(field) for field in fields(Planted)]
    with pytest.raises(TypeError, match="source"):
        setting(0.5, text="A setting without a source.", above=0)
    with pytest.raises(TypeError, match="text"):
        setting(0.5, source="nowhere", above=0)


def test_help_describes_every_setting():
    for name, found in SETTINGS.items():
        assert f"\n    {name} : " in Settings.__doc__
        assert summary(found).split()[0] in Settings.__doc__
    assert "gan_lr : float, default 0.0001, more than 0\n" in Settings.__doc__
    assert "{settings}" not in Settings.__doc__


def test_every_group_has_a_title():
    assert list(GROUPS) == list(Settings().sections())


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_within_the_ranges(preset):
    settings = settings_for(preset)
    for name, value in PRESETS[preset].items():
        assert getattr(settings, name) == value


ONE_FEATURE = {
    "router_features": ("gap",),
    "router_weights": (1.0,),
    "router_means": (0.0,),
    "router_deviations": (1.0,),
}


def _given(name, number):
    """Settings with that number, a list of it where a list is meant, and partners that allow it."""
    kind = SETTINGS[name].kind
    partners = {
        "cs_low": {"cs_high": 1e300},
        "cs_high": {"cs_low": 0.0},
        "router_delta_low": {"router_delta_high": 1e300},
        "router_delta_high": {"router_delta_low": 0.0},
        **{name: {**ONE_FEATURE, name: ()} for name in ONE_FEATURE},
    }
    value = (kind(number),) if SETTINGS[name].is_list else kind(number)
    return Settings(**{**partners.get(name, {}), name: value})


@pytest.mark.parametrize("name", [name for name in NUMBERS if name not in UNBOUNDED])
def test_both_sides_of_each_bound(name, sentence):
    found = SETTINGS[name]
    step = 1 if found.kind is int else 1e-6
    bounds = [(found.above, False, step), (found.least, True, -step), (found.below, False, -step)]
    assert sum(bound is not None for bound, _, _ in bounds) >= 1
    for bound, included, other_side in bounds:
        if bound is None:
            continue
        inside, outside = (bound, bound + other_side) if included else (bound + other_side, bound)
        assert _given(name, inside)
        wanted = "a list of finite numbers, each" if found.is_list else "a finite number,"
        with sentence(ValueError, f"{name} is", f"pass {wanted} {found.range}"):
            _given(name, outside)


def test_the_tables_of_limits_name_settings():
    words = {name for name, default in FIELDS.items() if isinstance(default, str)}
    assert words | {"router_features"} == set(CHOICES)
    assert {name for name in NUMBERS if SETTINGS[name].allows(0)} == MAY_BE_ZERO | UNBOUNDED
    assert {name for name in NUMBERS if not SETTINGS[name].allows(1)} == set(BELOW_ONE)
    assert set(CHOICES["gan_activation"]) <= set(ACTIVATIONS)
    assert set(CHOICES["gan_output"]) <= set(ACTIVATIONS)


@pytest.mark.parametrize("name", CHOICES)
def test_words_are_one_of_the_choices(name, sentence):
    is_list = SETTINGS[name].is_list
    for choice in CHOICES[name]:
        value = (choice,) if is_list else choice
        given = {name: value, "cs_high": 5.0}  # a window that both units of CS allow
        assert getattr(Settings(**given), name) == value
    other = ("other",) if is_list else "other"
    with sentence(ValueError, f"{name} is {other!r}", *CHOICES[name]):
        Settings(**{name: other})


def test_a_window_that_an_absolute_score_cannot_reach(sentence):
    with sentence(ValueError, "cs_high is 0.7", "at least 1"):
        Settings(cs_unit="absolute")


@pytest.mark.parametrize("name", [n for n, d in FIELDS.items() if type(d) in (int, float)])
def test_numbers_are_finite_and_not_negative(name, sentence):
    kind = type(FIELDS[name])
    if name in UNBOUNDED:
        assert getattr(Settings(**{name: kind(-1)}), name) == -1
    else:
        with sentence(ValueError, f"{name} is {kind(-1)}", "finite number"):
            Settings(**{name: kind(-1)})
    for bad in (True, "1", (1,)):
        with sentence(ValueError, f"{name} is {bad!r}", "number, like"):
            Settings(**{name: bad})
    if kind is int:
        with sentence(ValueError, f"{name} is 1.5", "a whole number"):
            Settings(**{name: 1.5})
    else:
        for bad in (float("nan"), float("inf")):
            with sentence(ValueError, f"{name} is {bad}", "finite number"):
                Settings(**{name: bad})


@pytest.mark.parametrize("name", [n for n, d in FIELDS.items() if type(d) in (int, float)])
def test_zero_where_it_means_something(name, sentence):
    zero = type(FIELDS[name])(0)
    if name in (MAY_BE_ZERO | UNBOUNDED) - {"router_delta_high"}:
        assert getattr(Settings(**{name: zero}), name) == 0
    elif name == "router_delta_high":
        assert Settings(router_delta_low=0.0, router_delta_high=0.0).router_delta_high == 0
    else:
        with sentence(ValueError, f"{name} is {zero}", "more than 0"):
            Settings(**{name: zero})


@pytest.mark.parametrize("name", BELOW_ONE)
def test_shares_and_decays_are_below_one(name, sentence):
    with sentence(ValueError, f"{name} is 1.0", "below 1"):
        Settings(**{name: 1.0})


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("gan_generator_hidden", (16.0,)),
        ("gan_critic_hidden", 16),
        ("vsmm_hidden", (True,)),
        ("ptc_l2", ("1e-3",)),
        ("ptc_l2", ()),
        ("ptc_l2", 1e-3),
        ("router_features", ()),
        ("router_features", "gap"),
        ("router_weights", ("1",)),
        ("router_fold_unseen", (4.0,)),
    ],
)
def test_lists_hold_numbers(name, bad, sentence):
    with sentence(ValueError, f"{name} is {bad!r}", "pass a list of"):
        settings_for("paper", {name: bad})


def test_layers_have_at_least_one_unit_but_there_may_be_none(sentence):
    assert Settings(gan_generator_hidden=(), vsmm_hidden=()).vsmm_hidden == ()
    with sentence(ValueError, "gan_critic_hidden is (8, 0)", "more than 0"):
        Settings(gan_critic_hidden=(8, 0))


def test_a_bool_is_true_or_false(sentence):
    assert Settings(gan_train_on=True).gan_train_on
    with sentence(ValueError, "gan_train_on is 1; pass true or false"):
        Settings(gan_train_on=1)


def test_numbers_of_numpy_are_numbers():
    settings = Settings(gan_lr=np.float64(0.01), gan_batch=np.int64(8), vsmm_gamma=2)
    assert (settings.gan_lr, settings.gan_batch, settings.vsmm_gamma) == (0.01, 8, 2)


@pytest.mark.parametrize(("low", "high"), [(0.7, 0.7), (0.8, 0.3)])
def test_the_window_is_not_empty(low, high, sentence):
    with sentence(ValueError, f"cs_low is {low}", f"cs_high {high}"):
        Settings(cs_low=low, cs_high=high)


def test_thresholds_are_in_order_and_may_be_equal(sentence):
    assert Settings(router_delta_low=1.0, router_delta_high=1.0)
    with sentence(ValueError, "router_delta_low is 2.0", "router_delta_high 1.5"):
        Settings(router_delta_low=2.0)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["router_weights", "router_means", "router_deviations"])
def test_lists_hold_finite_numbers(name, bad, sentence):
    with sentence(ValueError, f"{name} is ({bad},)", "finite numbers"):
        Settings(**{**ONE_FEATURE, name: (bad,)})


@pytest.mark.parametrize("name", ["router_weights", "router_means", "router_deviations"])
def test_numbers_of_the_learned_gate_are_as_many_as_its_features(name, sentence):
    assert Settings(**ONE_FEATURE)
    words = ("for 1 router_features", "one per feature", "or none in all three")
    with sentence(ValueError, *words):
        Settings(**{**ONE_FEATURE, name: ()})
    with sentence(ValueError, f"{name} has 2 numbers", *words):
        Settings(**{**ONE_FEATURE, name: (1.0, 2.0)})
    with sentence(ValueError, "router_weights has 1 numbers for 2 router_features"):
        Settings(**{**ONE_FEATURE, "router_features": ("gap", "entropy")})
    if name != "router_weights":
        with sentence(ValueError, f"{name} has 1 numbers", "or none in all three"):
            Settings(router_features=("gap",), **{name: (1.0,)})


def test_a_feature_is_named_once(sentence):
    with sentence(ValueError, "router_features is gap, entropy, gap", "name each once"):
        Settings(router_features=("gap", "entropy", "gap"))


@pytest.mark.wheel
def test_unknown_names_suggest_the_nearest(sentence):
    with sentence(ValueError, "'gan_lrr'", "did you mean", "gan_lr"):
        settings_for("paper", {"gan_lrr": 1.0})
    with sentence(ValueError, "'zzzzzz'; `tinygzsl settings` lists all"):
        settings_for("paper", {"zzzzzz": 1.0})
    with sentence(TypeError, "Settings has no parameter 'gan_lrr'", "did you mean gan_lr?"):
        Settings(gan_lrr=1.0)
    with sentence(ValueError, "'gan_batch_size'", "did you mean gan_batch"):
        settings_for("paper", {"gan_batch_size": 1})


def test_a_comment_says_what_a_setting_is_its_unit_and_its_range():
    found = " ".join(line.removeprefix("# ") for line in comment(SETTINGS["vsmm_gamma"]))
    assert found.startswith("Margin by which the mean entropy of proxies should exceed that of")
    assert found.endswith("seen samples. Unit: nats. Range: 0 or more.")
    assert comment(SETTINGS["gan_output"])[-1].endswith("One of relu, sigmoid or linear.")
    for found in SETTINGS.values():
        assert all(line.startswith("# ") and len(line) <= 100 for line in comment(found))


def test_unknown_presets_list_the_known_ones(sentence):
    with sentence(ValueError, "preset is 'papper'; did you mean paper", *PRESETS):
        settings_for("papper")
    with sentence(ValueError, "preset is 'smal'; did you mean small?", *PRESETS):
        settings_for("smal")


def test_a_name_that_is_no_text_is_a_sentence(sentence):
    with sentence(ValueError, "a setting is named 1; pass a name like 'gan_lr'"):
        settings_for("small", {1: 1})


def test_presets_with_values_of_their_own_in_full():
    def own(preset):
        found = asdict(settings_for(preset)).items()
        return {name: value for name, value in found if value != getattr(Settings(), name)}

    small = {
        "gan_generator_hidden": (1024,),
        "gan_critic_hidden": (1024,),
        "vsmm_latent": 256,
        "vsmm_epochs": 25,
        "vsmm_reduction": "mean",
    }
    assert own("small") == own("auto") == small
    assert own("letters") == {
        **small,
        "scale_features": "standard",
        "gan_output": "linear",
        "vsmm_hidden": (256,),
        "vsmm_epochs": 20,
        "vsmm_gamma": 2.0,
        "router_delta_low": 0.05,
        "router_delta_high": 0.1,
    }
    assert own("paper-hmdb51") == own("paper-ucf101") == {"gan_generator_hidden": (4096, 4096)}
    assert own("paper-awa1") == {"gan_lr": 1e-5}
    assert own("paper") == own("paper-cub") == {}
