"""Several views of the prototypes: their names, checks and parts; models that take one refuse."""

import dataclasses
import hashlib

import numpy as np
import pytest

from tinygzsl import EntropySeparationGZSL, evaluate
from tinygzsl.baselines import ESZSL
from tinygzsl.datasets import check_test, check_training
from tinygzsl.datasets.views import (
    as_views,
    check_views,
    named_tables,
    rows_of,
    single_view,
    view_names,
    widths,
)
from tinygzsl.storage.checksums import fingerprint

ATT, SENT = np.arange(12.0).reshape(4, 3), np.arange(20.0).reshape(4, 5)
BOTH = {"att": ATT, "sent": SENT}


@pytest.fixture
def viewed(tiny_dataset):
    """viewed(sent=change) -> the tiny dataset with the views att and sent; k is 6 and 2."""

    def make(seed=0, **changes):
        data = tiny_dataset(seed)
        seen = {"att": data.seen_prototypes, "sent": data.seen_prototypes[:, :2] + 1}
        unseen = {"att": data.unseen_prototypes, "sent": data.unseen_prototypes[:, :2] + 1}
        fields = {"seen_prototypes": seen, "unseen_prototypes": unseen, **changes}
        return dataclasses.replace(data, **fields)

    return make


# Names


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("att", ("att",)),
        ("att,sent", ("att", "sent")),
        (" att , sent ", ("att", "sent")),
        (["sent", "att"], ("sent", "att")),
        (("original_att",), ("original_att",)),
        ("any variable", ("any variable",)),
    ],
)
def test_names_are_read_from_text_and_lists(asked, names):
    assert view_names(asked) == names


@pytest.mark.parametrize(
    ("asked", "parts"),
    [
        ("", ["''", "a name is missing"]),
        ("att,", ["'att,'", "a name is missing"]),
        ((), ["a name is missing"]),
        (None, ["prototypes is None", "'att,sent'"]),
        (["att", " "], ["a name is missing"]),
        ("att,att", ["'att' and 'att'", "once"]),
        ("att,sent,ATT", ["'att' and 'ATT'", "once"]),
        ("att,../sent", ["'../sent' can't name"]),
        (["att", 3], ["3 can't name"]),
    ],
)
def test_names_that_are_refused(sentence, asked, parts):
    with sentence(ValueError, *parts):
        view_names(asked)


# Arrays and dicts


def test_an_array_is_one_view():
    assert list(as_views(ATT)) == ["prototypes"]
    assert as_views(ATT)["prototypes"] is single_view(ATT) is ATT
    assert named_tables("seen_prototypes", ATT) == {"seen_prototypes": ATT}
    assert widths(ATT) == "3"
    np.testing.assert_array_equal(rows_of(ATT, np.array([3, 0])), ATT[[3, 0]])


def test_a_dict_keeps_names_and_order():
    assert as_views(BOTH) == BOTH
    assert as_views(BOTH) is not BOTH
    assert list(named_tables("x", BOTH)) == ["x['att']", "x['sent']"]
    assert widths(BOTH) == "3 (att) + 5 (sent)"
    part = rows_of(BOTH, np.array([True, False, True, False]))
    assert list(part) == ["att", "sent"]
    np.testing.assert_array_equal(part["att"], ATT[[0, 2]])
    np.testing.assert_array_equal(part["sent"], SENT[[0, 2]])


@pytest.mark.parametrize(
    ("views", "parts"),
    [({}, ["empty dict"]), ({"": ATT}, ["'' can't name"]), ({"a": ATT, "A": ATT}, ["'a' and 'A'"])],
)
def test_dicts_that_are_refused(sentence, views, parts):
    with sentence(ValueError, *parts):
        as_views(views)


# The views that a model gets later


def test_views_come_back_in_the_order_of_the_model():
    found = check_views(BOTH, {"sent": SENT[:2], "att": ATT[:2]})
    assert list(found) == ["att", "sent"]
    np.testing.assert_array_equal(found["sent"], SENT[:2])
    assert check_views(as_views(ATT), ATT)["prototypes"] is ATT


@pytest.mark.parametrize(
    ("unseen", "parts"),
    [
        ({"att": ATT}, ["no view 'sent'", "{'att': (U, 3), 'sent': (U, 5)}"]),
        (ATT, ["is one array", "a dict of views", "{'att': (U, 3), 'sent': (U, 5)}"]),
        ({**BOTH, "more": ATT}, ["has the view 'more'", "not fitted with"]),
        ({**BOTH, "sent": ATT}, ["unseen_prototypes['sent'] has 3", "model's view 'sent' has 5"]),
        ({**BOTH, "sent": SENT[:2]}, ["['sent'] has 2 rows", "['att'] has 4"]),
        ({**BOTH, "sent": SENT[0]}, ["unseen_prototypes['sent'] is float64 with shape (5,)"]),
    ],
)
def test_views_that_do_not_fit_the_model(sentence, unseen, parts):
    with sentence(ValueError, *parts):
        check_views(BOTH, unseen)


@pytest.mark.parametrize(
    ("unseen", "parts"),
    [
        (BOTH, ["is a dict of views, but one array", "shape (U, 3)"]),
        (ATT[:, :2], ["unseen_prototypes has 2 columns", "model's seen prototypes has 3"]),
    ],
)
def test_views_for_a_model_of_one_array(sentence, unseen, parts):
    with sentence(ValueError, *parts):
        check_views(as_views(ATT), unseen)


@pytest.mark.parametrize("make", [EntropySeparationGZSL, ESZSL])
def test_models_of_one_array_refuse_a_dict(make, tiny_dataset, sentence):
    t = tiny_dataset().training()
    with sentence(ValueError, "dict of views ('att', 'sent')", "one array", "StackedGZSL"):
        make().fit(t.X, t.y, {"att": t.prototypes, "sent": t.prototypes})


@pytest.mark.parametrize("make", ["ours", "baseline"])
def test_predict_and_evaluate_of_a_model_of_one_array(
    make, viewed, tiny_dataset, small_model, sentence
):
    data, t = viewed(), tiny_dataset().training()
    model = ESZSL() if make == "baseline" else small_model(vsmm_weight_es=0.0)
    model.fit(t.X, t.y, t.prototypes)
    with sentence(ValueError, "unseen_prototypes is a dict of views ('att', 'sent')"):
        model.predict(data.X_test, data.unseen_prototypes, data.unseen_classes)
    with sentence(ValueError, "prototypes is a dict of views ('att', 'sent')", "StackedGZSL"):
        evaluate(model, data)


# Datasets


def test_a_dataset_with_views(viewed):
    data = viewed()
    assert "x 6 (att) + 2 (sent) attributes" in repr(data)
    assert "5 classes x 6 (att) + 2 (sent) attributes" in repr(data.training())
    check_training(data.training())
    check_test(data)


def test_training_has_the_seen_rows_of_every_view_in_copies(viewed):
    data = viewed()
    training = data.training()
    assert list(training.prototypes) == ["att", "sent"]
    for name, array in training.prototypes.items():
        np.testing.assert_array_equal(array, data.seen_prototypes[name])
        assert array.base is None
        assert not np.shares_memory(array, data.seen_prototypes[name])
        assert not np.shares_memory(array, data.unseen_prototypes[name])
    assert training.prototypes is not data.seen_prototypes


@pytest.mark.parametrize(
    ("field", "change", "parts"),
    [
        ("seen_prototypes", {"sent": np.ones((4, 2))}, ["seen_prototypes['sent']", "(4, 2)"]),
        ("unseen_prototypes", {"sent": np.ones((2, 3))}, ["unseen_prototypes['sent'] has 3"]),
        ("unseen_prototypes", {"more": np.ones((2, 3))}, ["'more'", "same views"]),
        ("seen_prototypes", {"": np.ones((5, 2))}, ["'' can't name"]),
        ("seen_prototypes", {"sent": np.full((5, 2), "a")}, ["seen_prototypes['sent']", "<U1"]),
    ],
)
def test_views_that_disagree(viewed, sentence, field, change, parts):
    data = viewed()
    with sentence(ValueError, *parts):
        dataclasses.replace(data, **{field: {**getattr(data, field), **change}})


def test_one_array_and_views_disagree(viewed, tiny_dataset, sentence):
    with sentence(ValueError, "['att', 'sent']", "['prototypes']", "same views"):
        viewed(unseen_prototypes=tiny_dataset().unseen_prototypes)


def test_values_that_are_not_finite_name_their_view(viewed, sentence):
    data = viewed()
    data.unseen_prototypes["sent"][1, 0] = np.nan
    with sentence(ValueError, "unseen_prototypes['sent'] has 1", "row 1, column 0"):
        check_test(data)
    data.seen_prototypes["sent"][2, 1] = np.inf
    with sentence(ValueError, "prototypes['sent'] has 1", "row 2, column 1"):
        check_training(data.training())


def test_the_checksum_covers_every_view_and_its_name(viewed):
    first = viewed()
    sums = {first.sha256(), viewed().sha256()}
    assert len(sums) == 1
    changed = viewed()
    changed.unseen_prototypes["sent"][1, 1] += 1
    sums.add(changed.sha256())
    seen, unseen = (
        {"att": views["att"], "text": views["sent"]}
        for views in (first.seen_prototypes, first.unseen_prototypes)
    )
    sums.add(viewed(seen_prototypes=seen, unseen_prototypes=unseen).sha256())
    assert len(sums) == 3


def test_the_checksum_of_a_dict_of_arrays_reads_all_values():
    zeros = {"a": np.zeros((300, 50))}  # NumPy's text of it leaves values out
    other = {"a": zeros["a"].copy()}
    other["a"][150, 25] = 1
    assert fingerprint(zeros) != fingerprint(other)
    assert fingerprint(zeros) == fingerprint("a", zeros["a"])


def test_the_checksum_of_other_parts_is_that_of_their_text():
    settings = {"gan_lr": 1e-4, "gan_hidden": (3, 4)}
    expected = hashlib.sha256(str(settings).encode() + b"7None").hexdigest()
    assert fingerprint(settings, 7, None) == expected
