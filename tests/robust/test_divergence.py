"""A NaN or inf in a loss, gradient or parameter: training stops at that step and says where."""

import math

import numpy as np
import pytest

from tinygzsl import checkpoints, cwgan, ptc, vsmm
from tinygzsl.nn.adam import Adam
from tinygzsl.storage.arrays_file import read_npz

pytestmark = pytest.mark.filterwarnings("ignore:.*encountered in.*:RuntimeWarning")
AT = 23  # the step that goes wrong


@pytest.fixture
def fit(tiny_dataset, small_model, tmp_path):
    """fit(**changes) -> trains with a checkpoint after every step, or at the ends of the phases
    only; returns both checkpoints.
    """

    def fit(seconds=0.0, **changes):
        found = checkpoints.Checkpoints(
            checkpoints.GanCheckpoint(tmp_path / "gan.npz", "gan", seconds),
            checkpoints.VsmmCheckpoint(tmp_path / "vsmm.npz", "vsmm", seconds),
        )
        t, model = tiny_dataset().training(), small_model(gan_critic_steps=2, **changes)
        model.fit(t.X, t.y, t.prototypes, checkpoint=found)
        return found

    return fit


@pytest.fixture
def bad_gradient(monkeypatch):
    """bad_gradient(rate, value, at) makes the gradient of parameter 2 hold that value in step `at`
    of the Adam with that rate; with where="parameter" the parameter itself.
    """

    def plant(nth, value, at, where="gradient"):
        made, init, step = [], Adam.__init__, Adam.step

        def remember(self, *args, **kwargs):
            init(self, *args, **kwargs)
            made.append(self)

        def planted(self, grads):
            if made.index(self) == nth and self.t + 1 == at:
                target = grads if where == "gradient" else self.params
                target[2][...] = value
            step(self, grads)

        monkeypatch.setattr(Adam, "__init__", remember)
        monkeypatch.setattr(Adam, "step", planted)

    return plant


def check_last_good(path, step):
    """The checkpoint is of the step before and holds nothing that isn't finite."""
    kind = "checkpoint" if path.name == "gan.npz" else "VSMM checkpoint"
    _, arrays = read_npz(path, kind)
    assert int(arrays["step"]) == step
    assert all(np.isfinite(array).all() for array in arrays.values())


GENERATOR, CRITIC, VSMM = 0, 1, 2  # the order in which a fit makes its optimisers


@pytest.mark.parametrize("where", ["gradient", "parameter"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(
    ("nth", "at", "words"),
    [
        (GENERATOR, AT, f"the CWGAN diverged at step {AT}: generator parameter 2 or its gradient"),
        (CRITIC, 2 * AT, f"the CWGAN diverged at step {AT}: critic parameter 2 or its gradient"),
        (CRITIC, 2 * AT - 1, f"the CWGAN diverged at step {AT}: critic parameter 2 or its"),
        (VSMM, AT, f"the VSMM diverged in epoch 3, at step {AT}: g parameter 0 or its gradient"),
    ],
)
def test_a_gradient_or_parameter(
    fit, bad_gradient, sentence, tmp_path, nth, at, words, value, where
):
    bad_gradient(nth, value, at, where)
    path = tmp_path / ("vsmm.npz" if nth == VSMM else "gan.npz")
    rate = "vsmm_lr, now 0.01" if nth == VSMM else "gan_lr, now 0.003"
    with sentence(FloatingPointError, words, "is NaN or inf", f"lower {rate}", path, AT - 1):
        fit()
    check_last_good(path, AT - 1)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("wasserstein", "critic distance is"),
        ("penalty", "penalty is"),
        ("generator", "generator loss is"),
    ],
)
def test_a_loss_of_the_cwgan(fit, sentence, tmp_path, monkeypatch, name, words):
    step = cwgan.CWGAN.train_step

    def planted(self, *args):
        terms = step(self, *args)
        return terms | ({name: np.float32(-math.inf)} if self.step == AT else {})

    monkeypatch.setattr(cwgan.CWGAN, "train_step", planted)
    last = f"the last good checkpoint is {tmp_path / 'gan.npz'}, of step {AT - 1}"
    with sentence(FloatingPointError, f"at step {AT}: {words} NaN or inf", last):
        fit()
    check_last_good(tmp_path / "gan.npz", AT - 1)


@pytest.mark.parametrize("name", ["ae", "clf", "es"])
def test_a_loss_of_the_vsmm(fit, sentence, tmp_path, monkeypatch, name):
    loss, calls = vsmm.vsmm_loss, []

    def planted(*args, **options):
        terms, grads = loss(*args, **options)
        calls.append(0)
        bad = np.float32(math.nan)
        return terms | ({name: bad, "loss": bad} if len(calls) == AT else {}), grads

    monkeypatch.setattr(vsmm, "vsmm_loss", planted)
    last = f"the last good checkpoint is {tmp_path / 'vsmm.npz'}, of step {AT - 1}"
    with sentence(FloatingPointError, f"epoch 3, at step {AT}: {name} is NaN or inf", last):
        fit()
    check_last_good(tmp_path / "vsmm.npz", AT - 1)


@pytest.mark.parametrize("nth", [GENERATOR, CRITIC, VSMM])
def test_it_stops_at_that_step_on_the_cpu(fit, bad_gradient, sentence, monkeypatch, nth):
    steps, train_step, loss = [], cwgan.CWGAN.train_step, vsmm.vsmm_loss
    counted = {"cwgan": train_step, "vsmm": loss}
    counting = {
        name: lambda *a, f=f, n=name, **k: (steps.append(n), f(*a, **k))[1]
        for name, f in counted.items()
    }
    monkeypatch.setattr(cwgan.CWGAN, "train_step", counting["cwgan"])
    monkeypatch.setattr(vsmm, "vsmm_loss", counting["vsmm"])
    bad_gradient(nth, math.nan, 2 * AT - 1 if nth == CRITIC else AT)
    with sentence(FloatingPointError, f"at step {AT}"):
        fit(seconds=1e6)
    assert steps.count("vsmm" if nth == VSMM else "cwgan") == AT


def test_without_a_checkpoint_it_says_so(tiny_dataset, small_model, bad_gradient, sentence):
    bad_gradient(GENERATOR, math.nan, 1)
    t = tiny_dataset().training()
    saved = checkpoints.Checkpoints(checkpoints.GanCheckpoint("none.npz", "gan"))
    with sentence(FloatingPointError, "at step 1", "there is no checkpoint of it yet"):
        small_model().fit(t.X, t.y, t.prototypes, checkpoint=saved)


@pytest.mark.parametrize(
    ("solver", "part", "words"),
    [
        ("lbfgs", 0, "at evaluation 5, l2 = 0.01: its loss"),
        ("lbfgs", 1, "at evaluation 5, l2 = 0.01: its gradient"),
        ("lbfgs", 2, "at evaluation 5, l2 = 0.01: its gradient"),
        ("adam", 1, "at step 5, l2 = 0.01: its weights"),
        ("adam", 2, "at step 5, l2 = 0.01: its biases"),
    ],
)
def test_the_classifier_of_the_score(fit, sentence, monkeypatch, solver, part, words):
    loss, calls = ptc.ptc_loss, []

    def planted(*args, **options):
        found = list(loss(*args, **options))
        calls.append(0)
        if len(calls) == 5:
            found[part] = found[part] * np.float32(math.nan)
        return found

    monkeypatch.setattr(ptc, "ptc_loss", planted)
    with sentence(FloatingPointError, "the PTC diverged", words, "scale the features"):
        fit(ptc_solver=solver)


def test_on_the_command_line_the_old_checkpoint_goes_on(
    run_cli, fast_options, write_xlsa17, tmp_path, bad_gradient, monkeypatch
):
    write_xlsa17(tmp_path / "data")
    bad_gradient(VSMM, math.nan, AT)
    run = tmp_path / "run"
    always = ("--checkpoint-seconds", 0)
    result = run_cli("train", tmp_path / "data", *fast_options, *always, "--out", run)
    assert result.exit_code == 1
    *_, advice, error = result.stderr.strip().splitlines()
    resume = f"tinygzsl train --resume {run} --set vsmm.lr=RATE"
    assert advice == f"kept the CWGAN: {resume} trains the VSMM with a lower rate"
    assert f"checkpoints/vsmm.npz, of step {AT - 1}" in error
    assert not (run / "model.npz").exists()
    monkeypatch.undo()
    result = run_cli("train", "--resume", run, "--set", "vsmm.lr=5e-3")
    assert result.exit_code == 0, result.output
    assert "lr = 0.005" in (run / "config.toml").read_text()
