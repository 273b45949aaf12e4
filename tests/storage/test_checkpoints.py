"""The checkpoint of a training: when it is written, and what the file holds."""

from types import SimpleNamespace

import numpy as np

from tinygzsl.checkpoints import GanCheckpoint
from tinygzsl.storage.arrays_file import State, read_npz


class Training:
    step = 3

    def state(self):
        return State({"text": "a"}, {"step": np.asarray(self.step)})


def test_a_checkpoint_is_saved_once_a_minute(monkeypatch, tmp_path):
    clock = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    saved = GanCheckpoint(tmp_path / "gan.npz", "text")
    clock[0] += 59
    assert not saved.due()
    clock[0] += 2
    assert saved.due()
    saved.save(Training())
    assert not saved.due()
    header, arrays = read_npz(saved.path, "checkpoint")
    assert (header["fingerprint"], int(arrays["step"])) == ("text", 3)


def test_a_state_that_the_file_has_is_not_written_again(tmp_path):
    training = SimpleNamespace(step=3, state=lambda: State({}, {"step": np.asarray(3)}))
    saved = GanCheckpoint(tmp_path / "gan.npz", "text")
    saved.save(training)
    saved.path.unlink()
    saved.save(training)
    assert not saved.path.exists()


def test_a_restored_checkpoint_names_its_step(tmp_path):
    state = State({}, {"step": np.asarray(3)})
    training = SimpleNamespace(step=3, state=lambda: state, restore=lambda found: None)
    GanCheckpoint(tmp_path / "gan.npz", "text").save(training)
    again = GanCheckpoint(tmp_path / "gan.npz", "text")
    again.restore(training)
    assert again.describe().endswith("gan.npz, of step 3")
