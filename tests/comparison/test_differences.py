"""Paired differences in H and their intervals, against cases that are done by hand."""

from math import sqrt

import numpy as np
import pytest

from tinygzsl.comparison.differences import (
    BLOCK,
    BOTH,
    DRAWS,
    SAMPLES,
    SEEDS,
    _counts,
    pairs,
    resampled_h,
    resampled_rows,
    with_differences,
)
from tinygzsl.comparison.measure import FIGURES, Key
from tinygzsl.comparison.predictions import Labels
from tinygzsl.comparison.table import as_csv, as_markdown, as_text, summarize
from tinygzsl.metrics import accuracies

FOUR_SIGMA = 4 * sqrt(0.25 / DRAWS)  # of a share among the draws


def row(key, h, **changes):
    base = {"title": key.method, "strict": True, "settings": {}, "origin": "default"}
    base |= {**key._asdict(), "error": None, **dict.fromkeys(FIGURES), "H": h}
    return {**base, **changes}


def compared(h_by_key, *, against="B", labels=None, data=None, **changes):
    """{(method, routed): its row in the table}, from H by key and maybe labels by key."""
    rows = {key: row(key, h, **changes.get(key.method, {})) for key, h in h_by_key.items()}
    resampled = resampled_rows(labels, data) if labels else None
    table = summarize(list(rows.values()))
    found = with_differences(table, rows, against=against, resampled=resampled)
    return {(r["method"], r["routed"]): r for r in found}


def interval(found):
    return [found[f"difference{end}"] for end in ("", "_low", "_high")]


A, B = Key("A", False, 0), Key("B", False, 0)


def test_two_samples_of_an_unseen_class_by_hand():
    """One seen sample, right by both. A has both unseen samples right, B one of the two.

    A draw takes B's right sample 0, 1 or 2 times, with the probabilities 1/4, 1/2 and 1/4: U is 0,
    1/2 or 1, and H is 0, 2/3 or 1. That of A is always 1.
    """
    y, is_seen = np.array([0, 5, 5]), np.array([True, False, False])
    correct = np.array([[True, True], [True, True], [True, False]])
    h = resampled_h(correct, y, is_seen)
    assert h.shape == (DRAWS, 2) and (h[:, 0] == 1).all()
    values, counts = np.unique(h[:, 1], return_counts=True)
    np.testing.assert_allclose(values, [0, 2 / 3, 1])
    np.testing.assert_allclose(counts / DRAWS, [1 / 4, 1 / 2, 1 / 4], atol=FOUR_SIGMA)
    found = compared({A: 1.0, B: 2 / 3}, labels=_labels(h_of={A: 0, B: 1}), data=TwoSamples)
    assert interval(found["A", False]) == pytest.approx([1 / 3, 0, 1])
    assert found["A", False]["difference_covers"] == SAMPLES
    assert found["A", False]["difference_pairs"] == 1


class TwoSamples:
    """The dataset of the case above."""

    y_test = np.array([0, 5, 5])
    seen_classes = np.array([0])


def _labels(h_of):
    given = (np.array([0, 5, 5]), np.array([0, 5, 0]))
    return {key: Labels(given[number]) for key, number in h_of.items()}


def test_methods_with_the_same_labels_have_difference_zero(tiny_dataset):
    data = tiny_dataset()
    label = np.random.default_rng(0).permutation(data.y_test)
    keys = [Key(name, False, seed) for name in "AB" for seed in (0, 1)]
    h = accuracies(data.y_test, label, np.isin(data.y_test, data.seen_classes))["H"]
    found = compared(dict.fromkeys(keys, h), labels=dict.fromkeys(keys, Labels(label)), data=data)
    assert interval(found["A", False]) == [0.0, 0.0, 0.0]
    assert interval(compared(dict.fromkeys(keys, h))["A", False]) == [0.0, 0.0, 0.0]
    assert found["A", False]["difference_covers"] == BOTH
    text = " ".join(as_text(list(found.values())).split())
    assert "A +0.000 [+0.000, +0.000] test samples and seeds" in text


def test_the_seeds_are_drawn_in_pairs():
    """With one sample in each class only the seeds are drawn: 0, 1 or 2 times the first.

    Of seed 0, A has H 1 and B 0. Of seed 1, A has 0 and B 1. Drawn in pairs, d_b is 1, 0 or -1.
    """
    right, wrong = np.array([0, 5]), np.array([5, 0])
    a, b = ([Key(name, False, seed) for seed in (0, 1)] for name in "AB")
    labels = {a[0]: right, a[1]: wrong, b[0]: wrong, b[1]: right}

    class Data:
        y_test = right
        seen_classes = np.array([0])

    found = compared(
        {a[0]: 1.0, a[1]: 0.0, b[0]: 0.0, b[1]: 1.0},
        labels={key: Labels(label) for key, label in labels.items()},
        data=Data,
    )["A", False]
    assert interval(found) == [0.0, -1.0, 1.0]
    assert (found["difference_pairs"], found["difference_covers"]) == (2, BOTH)


def test_each_draw_is_that_of_its_samples(tiny_dataset):
    """H of a draw is that of the metrics on the samples that were drawn."""
    data = tiny_dataset()
    y, is_seen = data.y_test, np.isin(data.y_test, data.seen_classes)
    rng = np.random.default_rng(1)
    labels = [np.where(rng.random(len(y)) < p, y, rng.permutation(y)) for p in (0.2, 0.6, 0.9)]
    h = resampled_h(np.stack([label == y for label in labels], axis=1), y, is_seen)
    for draw in (0, 7, BLOCK, DRAWS - 1):
        taken = []
        for c, label in enumerate(np.unique(y)):
            rows = np.flatnonzero(y == label)
            counts = _counts(len(rows), step=c * (DRAWS // BLOCK) + draw // BLOCK)[draw % BLOCK]
            assert counts.sum() == len(rows)
            taken.append(np.repeat(rows, counts.astype(int)))
        taken = np.concatenate(taken)
        for number, label in enumerate(labels):
            expected = accuracies(y[taken], label[taken], is_seen[taken])["H"]
            assert h[draw, number] == pytest.approx(expected, abs=1e-12)


def test_the_width_is_that_of_a_binomial_share():
    """U of 400 samples with p = 1/2 has the deviation sqrt(p (1 - p) / 400) = 0.025; S is 1."""
    n = 400
    y, is_seen = np.repeat([0, 5], [1, n]), np.arange(n + 1) < 1
    u_right = np.arange(n + 1) % 2 == 0
    h = resampled_h(u_right[:, None], y, is_seen)[:, 0]
    u = h / (2 - h)  # of H = 2 U / (1 + U)
    assert u.std() == pytest.approx(0.025, rel=0.06)
    assert u.mean() == pytest.approx(0.5, abs=4 * 0.025 / sqrt(DRAWS))


def test_draws_are_the_same_whatever_stands_beside(tiny_dataset):
    data = tiny_dataset()
    y, is_seen = data.y_test, np.isin(data.y_test, data.seen_classes)
    correct = np.random.default_rng(2).random((len(y), 3)) < 0.7
    together = resampled_h(correct, y, is_seen)
    assert together.tobytes() == resampled_h(correct, y, is_seen).tobytes()
    for i in range(3):
        assert (
            resampled_h(correct[:, i : i + 1], y, is_seen)[:, 0].tolist() == together[:, i].tolist()
        )


def test_without_labels_it_is_students_t_over_the_seeds():
    """Differences 0.1, 0.2, 0.3: mean 0.2, deviation 0.1, and t for 2 degrees is 4.3027."""
    h = {Key("A", False, s): 0.5 + 0.1 * s for s in range(3)}
    h |= {Key("B", False, s): 0.4 for s in range(3)}
    found = compared(h)["A", False]
    half = 4.302652729749464 * 0.1 / sqrt(3)
    assert interval(found) == pytest.approx([0.2, 0.2 - half, 0.2 + half])
    assert (found["difference_pairs"], found["difference_covers"]) == (3, SEEDS)


def test_one_seed_without_labels_has_no_interval():
    found = compared({A: 0.5, B: 0.3})
    assert interval(found["A", False]) == [pytest.approx(0.2), None, None]
    assert found["A", False]["difference_covers"] is None
    text = as_text(list(found.values()))
    assert "A" in text and "+0.200" in text and "has no interval; --predictions gives it" in text


def test_a_method_without_random_numbers_stands_beside_every_seed():
    h = {B: 0.3, **{Key("A", False, s): 0.4 + 0.1 * s for s in (0, 1)}}
    found = compared(h)["A", False]
    assert (found["difference"], found["difference_pairs"]) == (pytest.approx(0.15), 2)
    assert compared(h, against="A")["B", False]["difference"] == pytest.approx(-0.15)


def test_which_rows_are_paired():
    one, three = (
        {s: Key(n, False, s) for s in seeds} for n, seeds in (("A", [7]), ("B", [0, 1, 7]))
    )
    assert pairs(one, three) == [(one[7], b) for b in three.values()]
    assert pairs(three, one) == [(b, one[7]) for b in three.values()]
    two = {s: Key("C", False, s) for s in (7, 1)}
    assert pairs(three, two) == [(three[1], two[1]), (three[7], two[7])]
    assert pairs(one, {}) == [] == pairs({}, three)


def test_h_is_the_calibrated_one_where_there_is_an_offset():
    routed = Key("B", True, 0)
    found = compared(
        {A: 0.1, B: 0.2, routed: 0.4}, A={"calibrated_H": 0.7}, B={"calibrated_H": None}
    )
    assert found["A", False]["difference"] == pytest.approx(0.5)
    assert found["B", True]["difference"] == pytest.approx(0.2)  # the reference itself, routed
    assert found["B", False]["difference"] is None and found["B", False]["against"] == "B"


def test_a_failed_seed_has_no_difference():
    keys = [Key(name, False, seed) for name in "ABC" for seed in (0, 1)]
    rows = {key: row(key, 0.5) for key in keys}
    rows[keys[1]] |= {"H": None, "error": "it failed"}
    table = summarize(list(rows.values()))
    found = {r["method"]: r for r in with_differences(table, rows, against="B")}
    assert found["A"]["difference"] is None and found["C"]["difference"] == 0
    found = with_differences(table, rows, against="A")
    assert [r["difference"] for r in found] == [None] * 3
    assert "interval" not in as_text(found)


def test_formats():
    h = {Key("A", False, s): 0.5 + 0.1 * s for s in range(2)}
    h |= {Key("B", False, s): 0.4 for s in range(2)}
    table = list(compared(h).values())
    text, markdown = as_text(table), as_markdown(table)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "method H minus that of B 95% interval over" in lines
    assert "A +0.150 [-0.485, +0.785] seeds" in lines  # t for 1 degree is 12.706, 0.05 * 12.706
    assert "| A | +0.150 | [-0.485, +0.785] | seeds |" in markdown.splitlines()
    assert "Student's t, paired by seed; not covered: other test samples" in text
    assert "- over seeds: Student's t" in markdown
    assert (
        as_csv(table)
        .splitlines()[0]
        .endswith(
            "against,difference,difference_low,difference_high,difference_pairs,difference_covers"
        )
    )
