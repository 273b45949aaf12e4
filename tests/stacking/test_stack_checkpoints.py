"""A fit that was stopped goes on from its finished pieces, to the same bits."""

import math

import numpy as np
import pytest

from tinygzsl.baselines import ESZSL
from tinygzsl.stacking import StackCheckpoint, StackedGZSL
from tinygzsl.stacking import training as stack_training
from tinygzsl.stacking.checkpoints import KIND
from tinygzsl.stacking.experts import Expert
from tinygzsl.storage.arrays_file import State, read_npz, write_npz


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "pieces"


@pytest.mark.parametrize("done", [1, 4, 6, 10, 12])
def test_a_fit_stopped_after_any_piece_ends_with_the_same_bits(stack, folder, same_results, done):
    with pytest.raises(KeyboardInterrupt):
        stack(
            checkpoint=StackCheckpoint(folder, stopping=lambda: len(list(folder.iterdir())) == done)
        )
    assert len(list(folder.iterdir())) == done
    said = []
    resumed = stack(
        checkpoint=StackCheckpoint(folder), callback=lambda step, logs: said.append(step)
    )
    assert len(list(folder.iterdir())) == 13 and said == list(range(14))
    same_results(stack(), resumed)


def test_finished_pieces_are_not_trained_again(data, folder, monkeypatch):
    trained, whole = [], ESZSL.fit

    def counted(self, X, y, seen_prototypes):
        trained.append(len(X))
        if len(trained) == 2:
            raise KeyboardInterrupt
        return whole(self, X, y, seen_prototypes)

    monkeypatch.setattr(ESZSL, "fit", counted)
    training = data.X_train, data.y_train, data.seen_prototypes
    model, checkpoint = StackedGZSL(experts=[ESZSL()]), StackCheckpoint(folder)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*training, checkpoint=checkpoint)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["fold0-expert0.npz", "fold0-neighbours-none.npz"]
    model.fit(*training, checkpoint=checkpoint)
    assert len(trained) == 4  # the fold that was killed, again, and all samples
    model.fit(*training, checkpoint=checkpoint)
    assert len(trained) == 4


def test_a_class_that_no_file_can_hold_is_refused_before_any_training(data, folder, sentence):
    class Mine(ESZSL):
        def fit(self, X, y, seen_prototypes):
            raise AssertionError("it was trained")

    training = data.X_train, data.y_train, data.seen_prototypes
    with sentence(ValueError, "the expert Mine is a Mine", "not one of tinygzsl's methods"):
        StackedGZSL(experts=[Mine()]).fit(*training, checkpoint=StackCheckpoint(folder))
    assert not folder.exists()


def test_what_a_killed_process_left_is_removed(stack, folder):
    folder.mkdir()
    left = folder / ".fold0-expert0.npz.1234.tmp"
    left.write_text("a part")
    stack(checkpoint=StackCheckpoint(folder))
    assert not left.exists() and len(list(folder.iterdir())) == 13


def test_damaged_pieces_are_refused(stack, folder, sentence):
    checkpoint = StackCheckpoint(folder)
    model = stack(checkpoint=checkpoint)
    for name in ("fold1-expert1.npz", "expert2.npz", "fold0-neighbours-none.npz"):
        whole = (folder / name).read_bytes()
        half = len(whole) // 2
        flipped = whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :]
        for content in (whole[:-200], b"", flipped):
            (folder / name).write_bytes(content)
            with sentence(ValueError, name, "delete it to train this piece again"):
                stack(checkpoint=checkpoint)
        (folder / name).unlink()
        again = stack(checkpoint=checkpoint)
        assert again.decision_ == model.decision_
        assert (folder / name).is_file()


@pytest.mark.parametrize("change", ["seed", "dtype", "data", "expert"])
def test_pieces_of_something_else_are_refused(experts, data, folder, sentence, change):
    def fit(*, X, experts, **params):
        model = StackedGZSL(experts=experts, **params)
        return model.fit(X, data.y_train, data.seen_prototypes, checkpoint=StackCheckpoint(folder))

    fit(X=data.X_train, experts=experts)
    changes = {
        "seed": {"X": data.X_train, "experts": experts, "seed": 1},
        "dtype": {"X": data.X_train, "experts": experts, "dtype": "float64"},
        "data": {"X": data.X_train + np.float32(1), "experts": experts},
        "expert": {"X": data.X_train, "experts": {**experts, "ESZSL": ESZSL(features="l2")}},
    }
    with sentence(ValueError, folder, "belongs to other training data or another expert"):
        fit(**changes[change])


def test_pieces_of_another_version_are_refused(stack, folder, sentence, monkeypatch):
    stack(checkpoint=StackCheckpoint(folder))
    monkeypatch.setattr(stack_training, "__version__", "999.0")
    with sentence(ValueError, folder, "another version of tinygzsl"):
        stack(checkpoint=StackCheckpoint(folder))


def test_every_value_of_a_parameter_counts():
    class Own:
        def __init__(self, table, nested, threads=None):
            self.params = {"table": table, "nested": nested, "threads": threads}

        def get_params(self):
            return self.params

    class Other(Own):
        pass

    def identity(method, *, view="prototypes"):
        return stack_training._identity(Expert(name="own", view=view, method=method))

    table = np.arange(5000.0)
    changed = np.where(np.arange(5000) == 2500, -1.0, table)
    one = identity(Own(table, {"a": [table, 1]}))
    assert one == identity(Own(table.copy(), {"a": [table, 1]}, threads=2))
    others = [
        identity(Own(changed, {"a": [table, 1]})),
        identity(Own(table, {"a": [changed, 1]})),
        identity(Own(table, {"a": [table, 2]})),
        identity(Own(table, {"a": (table, 1)})),
        identity(Own(table, {"a": [table], "b": 1})),
        identity(Own(table.astype(np.float32), {"a": [table, 1]})),
        identity(Other(table, {"a": [table, 1]})),
        identity(Own(table, {"a": [table, 1]}), view="att"),
    ]
    Own.__module__ = "elsewhere"
    others.append(identity(Own(table, {"a": [table, 1]})))
    assert len({one, *others}) == 1 + len(others)


def test_threads_and_features_may_change(stack, folder):
    stack(checkpoint=StackCheckpoint(folder), threads=1)
    model = stack(checkpoint=StackCheckpoint(folder), threads=2, features=("gap",))
    assert model.experts_["VSMM"].threads == 2 and model.experts_["ESZSL"].threads == 2
    assert {name.split()[0] for name in model.decision_.gate.features} == {"gap"}


def test_seconds_left_are_known_after_a_resume(stack, folder):
    said = []
    stack(checkpoint=StackCheckpoint(folder))
    (folder / "expert2.npz").unlink()
    stack(checkpoint=StackCheckpoint(folder), callback=lambda step, logs: said.append(logs))
    assert said[5]["seconds_left"] > 0


@pytest.mark.parametrize("change", ["X", "y", "prototypes", "seed", "dtype", "expert"])
@pytest.mark.parametrize("name", ["fold0-expert0.npz", "fold1-neighbours-none.npz", "expert0.npz"])
def test_a_piece_alone_is_refused_for_anything_else(data, folder, sentence, name, change):
    """Each piece by itself: elsewhere another one may be refused before it."""
    X, y, a = data.X_train.copy(), data.y_train.copy(), data.seen_prototypes.copy()
    StackedGZSL(experts=[ESZSL()]).fit(X, y, a, checkpoint=StackCheckpoint(folder))
    for path in folder.iterdir():
        if path.name != name:
            path.unlink()
    expert, params = ESZSL(), {}
    if change == "X":
        X[0] += 1
    elif change == "y":
        rows = [np.flatnonzero(y == c)[0] for c in data.seen_classes[:2]]
        y[rows] = y[rows[::-1]]
    elif change == "prototypes":
        a[0] += np.float32(0.1)
    elif change == "expert":
        expert = ESZSL(regularize_features=2.0)
        if "neighbours" in name:
            return  # its parameters say nothing about them
    else:
        params = {change: {"seed": 1, "dtype": "float64"}[change]}
    with sentence(ValueError, name, "belongs to other training data or another expert"):
        StackedGZSL(experts=[expert], **params).fit(X, y, a, checkpoint=StackCheckpoint(folder))


def test_forged_numbers_of_a_piece_are_refused(stack, folder, sentence):
    """Each number of each kind of piece, under a right checksum."""
    stack(checkpoint=StackCheckpoint(folder))
    for name in ("fold0-expert0.npz", "fold0-expert1.npz", "fold0-neighbours-none.npz"):
        state = read_npz(folder / name, KIND)
        odd = [State(state.header | {"seconds": math.nan}, state.arrays)]
        if "unit" in state.header:
            odd += [State(state.header | {"unit": unit}, state.arrays) for unit in (0, math.inf)]
        for key, array in state.arrays.items():
            for changed in (np.full_like(array, np.nan), array[:-1]):
                odd.append(State(state.header, state.arrays | {key: changed}))
        for forged in odd:
            write_npz(folder / name, forged)
            with sentence(ValueError, folder / name, "damaged stack checkpoint", "delete it"):
                stack(checkpoint=StackCheckpoint(folder))
        write_npz(folder / name, state)
    stack(checkpoint=StackCheckpoint(folder))
