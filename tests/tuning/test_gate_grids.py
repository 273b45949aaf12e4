"""The grids of gates give what the router gives, and the choice among them is the best one."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tinygzsl.kernels import reference
from tinygzsl.metrics import harmonic_mean, mean_class_accuracy
from tinygzsl.settings import Settings
from tinygzsl.tuning import gate_grids
from tinygzsl.tuning.gate_grids import (
    FIELDS,
    at_edge,
    best_gate,
    cut_grids,
    gate_settings,
    gate_table,
    make_grids,
    make_scores,
)

N_SEEN, SCALE = 6, 2.5


def samples(seed=0, n=200):
    """logits (n, S), F (n, S + U) and labels (n,), which both predict somewhat."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(9), rng.integers(0, 9, n - 9)])
    logits, f = rng.normal(size=(n, N_SEEN)), SCALE * rng.normal(size=(n, 9))
    f[np.arange(n), y] += 3
    of_seen = np.flatnonzero(y < N_SEEN)
    logits[of_seen, y[of_seen]] += 3
    return logits, f, y


def scores(logits, f, y, n_seen=N_SEEN):
    log_p, entropy = reference.log_softmax_entropy(logits)
    classes = {"seen_classes": np.arange(N_SEEN), "unseen_classes": np.arange(N_SEEN, 9)}
    data = SimpleNamespace(y_test=y, **classes)
    return make_scores(data, log_p, entropy, f, scale=SCALE)._replace(n_seen=n_seen)


def figure(label, y):
    is_seen = y < N_SEEN
    s, u = (mean_class_accuracy(y[mine], label[mine]) for mine in (is_seen, ~is_seen))
    return harmonic_mean(s, u)


@pytest.mark.parametrize("unit", ["fraction", "nats"])
def test_the_hard_grid_is_eq_10(unit):
    logits, f, y = samples()
    grids = make_grids(Settings(), frozenset(), log_s=[2.0])
    table = gate_table(scores(logits, f, y), grids, kind="hard", unit=unit)
    low, high = (grids.nats(name, unit=unit, log_s=math.log(N_SEEN)) for name in FIELDS["hard"])
    for i, j in ((3, 3), (5, 12), (0, 20), (18, 19)):
        label = reference.route_rows(logits, f, low[i], high[j], 1.0)[0]
        assert table[i, j] == pytest.approx(figure(label, y))
    assert (table[5, :5] == -1).all()  # low above high is no gate


def test_the_soft_grid_is_the_soft_gate():
    logits, f, y = samples()
    grids = make_grids(Settings(), frozenset(), log_s=[2.0])
    table = gate_table(scores(logits, f, y), grids, kind="soft", unit="fraction")
    width, tau, bias = (grids.values[name] for name in FIELDS["soft"])
    for i, j, k in ((0, 0, 5), (4, 3, 9), (7, 7, 15), (2, 6, 0)):
        arguments = bias[k], width[i], tau[j] * SCALE
        label = reference.soft_route_rows(logits, f, *arguments)[0]
        assert table[i, j, k] == pytest.approx(figure(label, y))


def test_units_differ_where_the_number_of_classes_does():
    few = scores(*samples(), n_seen=6)
    grids = make_grids(Settings(), frozenset(), log_s=[math.log(6)])
    for kind in ("hard", "soft"):
        tables = [gate_table(few, grids, kind=kind, unit=unit) for unit in ("fraction", "nats")]
        np.testing.assert_array_equal(*tables)  # S is that of the middling fold
        more = few._replace(n_seen=60)
        tables = [gate_table(more, grids, kind=kind, unit=unit) for unit in ("fraction", "nats")]
        assert not np.array_equal(*tables)
        np.testing.assert_array_equal(tables[1], gate_table(few, grids, kind=kind, unit="nats"))


def test_the_best_gate_is_shared_and_judged_on_the_fold_left_out():
    folds = [scores(*samples(seed)) for seed in range(3)]
    grids = make_grids(Settings(), frozenset(), log_s=[2.0])
    tables = np.stack([gate_table(fold, grids, kind="soft", unit="nats") for fold in folds])
    gate = best_gate(folds, grids, kind="soft", unit="nats")
    assert gate.h == pytest.approx(tables.mean(axis=0).max())
    assert gate.by_fold == pytest.approx(tables[(slice(None), *gate.place)])
    others = [tables[[j for j in range(3) if j != i]].mean(axis=0) for i in range(3)]
    worst, best = zip(
        *((t[o == o.max()].min(), t.max()) for t, o in zip(tables, others, strict=True)),
        strict=True,
    )
    assert np.mean(worst) - 1e-9 <= gate.left_out <= np.mean(best)
    assert math.isnan(best_gate(folds[:1], grids, kind="soft", unit="nats").left_out)


def test_thresholds_are_written_for_the_final_number_of_classes():
    folds = [scores(*samples())]
    grids = make_grids(Settings(), frozenset(), log_s=[2.0])
    hard = best_gate(folds, grids, kind="hard", unit="fraction")._replace(place=(7, 11))
    assert gate_settings(hard, grids, n_seen=50) == {
        "router_gate": "hard",
        "router_delta_low": pytest.approx(0.1 * math.log(50), abs=1e-6),
        "router_delta_high": pytest.approx(0.2 * math.log(50), abs=1e-6),
    }
    nats = gate_settings(hard._replace(unit="nats"), grids, n_seen=50)
    assert nats["router_delta_low"] == pytest.approx(0.1 * 2.0, abs=1e-6)
    soft = best_gate(folds, grids, kind="soft", unit="fraction")._replace(place=(4, 3, 8))
    found = {"router_gate": "soft", "router_width": 0.2, "router_tau": 0.2, "router_bias": 0.1}
    assert gate_settings(soft, grids, n_seen=50) == found
    nats = gate_settings(soft._replace(unit="nats"), grids, n_seen=50)
    assert nats["router_bias"] == pytest.approx(0.1 * 2.0 / math.log(50), abs=1e-6)
    assert nats["router_tau"] == 0.2


def test_what_the_user_fixed_is_in_no_grid():
    settings = replace(Settings(), router_delta_low=0.07, router_bias=0.33, router_width=0.5)
    fixed = frozenset(("router_delta_low", "router_bias", "vsmm_lr"))
    grids = make_grids(settings, fixed, log_s=[2.0])
    assert grids.kinds == ("hard", "soft")
    folds = [scores(*samples())]
    for unit in ("fraction", "nats"):
        hard, soft = (best_gate(folds, grids, kind=kind, unit=unit) for kind in grids.kinds)
        assert gate_settings(hard, grids, n_seen=50)["router_delta_low"] == 0.07
        assert gate_settings(soft, grids, n_seen=50)["router_bias"] == 0.33
        assert "router_bias" not in at_edge(soft, grids)
    only = make_grids(
        replace(settings, router_gate="soft"), frozenset(["router_gate"]), log_s=[2.0]
    )
    assert only.kinds == ("soft",)


def test_the_edges_of_a_grid_are_named():
    folds = [scores(*samples())]
    grids = make_grids(Settings(), frozenset(), log_s=[2.0])
    gate = best_gate(folds, grids, kind="soft", unit="nats")._replace(place=(0, 3, 21))
    assert at_edge(gate, grids) == ["router_width", "router_bias"]


def test_the_mean_of_folds_left_out_takes_no_part_in_its_own_choice(monkeypatch):
    """The first fold alone prefers the first gate, strongly enough to decide for all three."""
    tables = np.array([[1.0, 0.3], [0.2, 0.4], [0.2, 0.4]])
    monkeypatch.setattr(gate_grids, "gate_table", lambda fold, *_, **kind: tables[fold])
    gate = best_gate([0, 1, 2], None, kind="hard", unit="nats")
    assert gate.place == (0,)
    assert gate.left_out == pytest.approx((0.3 + 0.2 + 0.2) / 3)


def test_a_fixed_threshold_cuts_the_grid_of_the_other(sentence):
    def cut(n_seen, **fixed):
        settings = replace(Settings(), **fixed)
        grids = make_grids(settings, frozenset(fixed), log_s=[math.log(n) for n in n_seen[:-1]])
        return cut_grids(grids, n_seen).values

    highs = cut([10, 20, 40], router_delta_low=1.45)["router_delta_high"]
    np.testing.assert_array_equal(highs, [0.7, 0.8, 0.9])  # 0.6 ln 10 is less
    lows = cut([10, 20, 40], router_delta_high=1.5)["router_delta_low"]
    assert lows[-1] == 0.4  # 0.5 ln 40 is more
    both = cut([10, 20, 40], router_delta_low=1.45, router_delta_high=1.46)
    assert (both["router_delta_low"], both["router_delta_high"]) == (1.45, 1.46)
    with sentence(ValueError, "router_delta_low is fixed at 1.45", "greatest router_delta_high"):
        cut([4, 20, 40], router_delta_low=1.45)
    with sentence(ValueError, "router_delta_high is fixed at 0.501", "least router_delta_low"):
        cut([4, 20, 10**60], router_delta_high=0.501)
    assert len(cut([4, 5], router_delta_low=1.45, router_gate="soft")["router_delta_high"]) == 21
