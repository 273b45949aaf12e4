"""The checkpoint of a training: when it is written, and what the file holds."""

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
