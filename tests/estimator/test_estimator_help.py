"""What help() shows of the estimator, and that its parameters are those of Settings."""

import doctest
import inspect
import re
from dataclasses import fields
from typing import get_type_hints

import pytest

import tinygzsl.estimator
from tinygzsl import EntropySeparationGZSL
from tinygzsl.settings import Settings
from tinygzsl.settings.table import SETTINGS

OWN = ("preset", "seed", "device", "dtype", "threads", "callback")
METHODS = (
    *("fit", "predict", "route", "entropy", "is_unseen", "predict_proba"),
    *("compatibility", "scores", "panel", "sample_proxies", "score", "save"),
)


def parts(documented):
    """{title: text} of a numpydoc docstring; what comes before the first title is under ''."""
    text = inspect.getdoc(documented)
    found = re.split(r"^(\w[\w ]+)\n-{3,}\n", text, flags=re.M)
    return {"": found[0], **dict(zip(found[1::2], found[2::2], strict=True))}


def entries(section):
    """{name: (type, text)} of a numpydoc section."""
    found = re.findall(r"^(\w+) : (.+)\n((?:^ .*\n?)+)", section, re.M)
    return {name: (kind, " ".join(text.split())) for name, kind, text in found}


def test_the_constructor_has_the_settings_in_their_order_with_their_types():
    hints = get_type_hints(EntropySeparationGZSL)
    names = [name for name in inspect.signature(EntropySeparationGZSL).parameters]
    assert names == [*OWN, *(field.name for field in fields(Settings))]
    for field in fields(Settings):
        assert hints[field.name] == field.type | None, field.name


def test_help_names_every_parameter_with_type_range_and_text():
    documented = entries(parts(EntropySeparationGZSL)["Parameters"])
    assert list(documented) == list(inspect.signature(EntropySeparationGZSL).parameters)
    assert len(documented) == 64
    for name, found in SETTINGS.items():
        kind, text = documented[name]
        assert f"default {found.default!r}" in kind
        assert kind.endswith(found.range)
        assert kind.startswith("tuple of ") == found.is_list
        for choice in found.choices:
            assert repr(choice) in kind
        assert text.startswith(found.text)
        assert found.unit in text
    assert documented["router_tau"] == (
        "float, default 0.2, more than 0",
        "Temperature tau of softmax(F / tau), the probabilities of the unseen classes under the "
        "soft and the learned gate. A smaller one favours the nearest unseen class more. Unit: "
        "standard deviations of F on training samples.",
    )


def test_the_attributes_are_those_of_a_fitted_model(model):
    documented = entries(parts(EntropySeparationGZSL)["Attributes"])
    public = {name for name in vars(model) if name.endswith("_")}
    assert set(documented) == public | {"routing_", "decision_"}


def test_no_line_of_the_help_is_too_wide_for_a_terminal():
    lines = inspect.getdoc(EntropySeparationGZSL).splitlines()
    one_line = (">>>", "ptc_l2", "router_features")  # numpydoc wants name and type in one
    assert max(len(line) for line in lines if not line.startswith(one_line)) <= 84


@pytest.mark.parametrize("name", METHODS)
def test_every_argument_of_a_method_is_documented(name):
    method = getattr(EntropySeparationGZSL, name)
    documented = parts(method)
    arguments = list(inspect.signature(method).parameters)[1:]
    assert list(entries(documented["Parameters"])) == arguments
    assert ("Returns" in documented) == (name != "save")
    assert "ValueError" in documented["Raises"]


def test_the_example_runs():
    found = doctest.DocTestFinder(recurse=False).find(
        EntropySeparationGZSL, "EntropySeparationGZSL", module=tinygzsl.estimator
    )
    assert len(found[0].examples) > 8
    result = doctest.DocTestRunner().run(found[0])
    assert result.failed == 0
    assert result.attempted == len(found[0].examples)


def test_a_parameter_that_does_not_exist_is_told_from_its_neighbours(sentence):
    with sentence(TypeError, "has no parameter 'gan_lrr'; did you mean gan_lr?"):
        EntropySeparationGZSL(gan_lrr=1)
    with sentence(TypeError, "'zzzzzz'; help(EntropySeparationGZSL) lists all"):
        EntropySeparationGZSL(zzzzzz=1)
    with sentence(ValueError, "'gan_lrr'; did you mean gan_lr?", "get_params() lists all"):
        EntropySeparationGZSL().set_params(gan_lrr=1)
    with pytest.raises(TypeError, match="positional"):
        EntropySeparationGZSL("paper")
