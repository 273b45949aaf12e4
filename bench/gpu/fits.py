"""Complete fits: the letters, and data of the shape of 100 classes of CUB.

python bench/gpu/fits.py FILE       fits the letters on the CPU and writes the predictions to FILE
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from sizes import FULL, TINY, Sizes
from steps import Bench, Which, compare, release

import tinygzsl as tz
from tinygzsl.benchmarks.work_cwgan import OuterStep
from tinygzsl.benchmarks.work_vsmm import VsmmStep
from tinygzsl.metrics import harmonic_mean, mean_class_accuracy
from tinygzsl.router import RouteResult

LETTERS_CPU = "letters-cpu.npz"
THREADS = 4  # of the fit on the CPU, as other processes run at the same time


@dataclass(frozen=True, kw_only=True)
class Samples:
    """The data of a fit and its test; seen classes are in the order of their prototypes."""

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    seen_prototypes: np.ndarray
    unseen_prototypes: np.ndarray
    seen_classes: np.ndarray
    unseen_classes: np.ndarray


class Phases:
    """A callback for fit that records the seconds and the steps of each phase."""

    def __init__(self) -> None:
        self.last = time.perf_counter()
        self.seconds: dict[str, float] = {}
        self.steps: dict[str, int] = {}

    def __call__(self, step: int, logs: dict) -> None:
        """After a step."""
        now, phase = time.perf_counter(), logs["phase"]
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self.last
        self.steps[phase] = self.steps.get(phase, 0) + 1
        self.last = now


def fit(
    settings: dict, device: str, data: Samples, threads: int | None = None
) -> tuple[tz.EntropySeparationGZSL, float, Phases]:
    """Return the fitted model, the seconds of the fit, and its phases."""
    phases = Phases()
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its accuracy is measured afterwards
        options = {"device": device, "threads": threads, "callback": phases}
        model = tz.EntropySeparationGZSL(**options, **settings)
        model.fit(data.X_train, data.y_train, data.seen_prototypes)
    return model, time.perf_counter() - start, phases


def answers(model: tz.EntropySeparationGZSL, data: Samples) -> tuple[RouteResult, dict[str, float]]:
    """Return the routed test samples, and S, U and H."""
    result = model.route(data.X_test, data.unseen_prototypes, data.unseen_classes)
    seen = np.isin(data.y_test, data.seen_classes)
    s, u = (mean_class_accuracy(data.y_test[part], result.label[part]) for part in (seen, ~seen))
    return result, {"S": float(s), "U": float(u), "H": float(harmonic_mean(s, u))}


def write_phases(bench: Bench, phases: Phases) -> None:
    """Steps and seconds by phase."""
    for phase, seconds in phases.seconds.items():
        bench.book.row(f"ours, {phase}", [seconds], "s", steps=phases.steps[phase])


def letters_samples(step: int) -> Samples:
    """Return the embedded letters, with every step-th of their samples."""
    data = tz.load_dataset("letters")
    names = [field.name for field in fields(Samples)]
    found = {name: getattr(data, name) for name in names}
    for name in ("X_train", "y_train", "X_test", "y_test"):
        found[name] = found[name][::step]
    return Samples(**found)


def letters(bench: Bench) -> None:
    """Measure a fit of the demo's data, and compare its predictions with the CPU's."""
    book, data = bench.book, letters_samples(bench.sizes.letters_step)
    model, seconds, phases = fit(bench.sizes.letters_fit, "cuda", data)
    result, figures = answers(model, data)
    book.row("ours", [seconds], "s", **figures)
    write_phases(bench, phases)
    release(bench)
    path = Path(bench.files) / LETTERS_CPU
    if not path.exists():
        book.missing("labels as on the CPU", "the CPU's answers are not there")
        return
    with np.load(path) as cpu:
        same = float((cpu["label"] == result.label).mean())
        apart = float(np.abs(cpu["entropy"] - result.entropy).mean())
        figures = json.loads(str(cpu["figures"]))
    book.row("labels as on the CPU", [same], "of all", cpu=figures)
    book.row("entropies apart from the CPU's", [apart], "nats")


def cub_shaped(samples: int, d: int, k: int, seen: int, unseen: int) -> Samples:
    """Return rectified noisy maps of random prototypes, with ten test samples per class."""
    rng = np.random.default_rng(0)
    prototypes = rng.random((seen + unseen, k), dtype="float32")
    to_features = rng.standard_normal((k, d), dtype="float32")
    classes = np.arange(seen + unseen)

    def draw(y: np.ndarray) -> np.ndarray:
        x = (prototypes[y] - np.float32(0.5)) @ to_features
        x += 2 * rng.standard_normal(x.shape, dtype="float32")
        return np.maximum(x, 0)

    y_train, y_test = np.resize(classes[:seen], samples), np.repeat(classes, 10)
    return Samples(
        X_train=draw(y_train),
        y_train=y_train,
        X_test=draw(y_test),
        y_test=y_test,
        seen_prototypes=prototypes[:seen],
        unseen_prototypes=prototypes[seen:],
        seen_classes=classes[:seen],
        unseen_classes=classes[seen:],
    )


def cub(bench: Bench) -> None:
    """Measure a fit of data of CUB's shape, with ten epochs of the CWGAN.

    Then measure its steps in every version, and compute the time of as many steps.
    """
    book, sizes, part = bench.book, bench.sizes, bench.book.part
    data = cub_shaped(**sizes.cub)
    settings = {"cs_low": 0.0, "cs_high": 9.0, "gan_train_on": True, **sizes.cub_fit}
    model, seconds, phases = fit(settings, "cuda", data)
    _, figures = answers(model, data)
    book.row("ours", [seconds], "s", **figures)
    write_phases(bench, phases)
    release(bench)
    of_step = dict(sizes.cub_steps)
    gan = {"h": of_step["h"], "batch": of_step["batch"]}
    vsmm = {"m": of_step["m"], "batch": of_step["vsmm_batch"]}
    common = {name: sizes.cub[name] for name in ("d", "k", "samples")}
    common["classes"] = sizes.cub["seen"]
    steps_of(bench, "gan", lambda: OuterStep(**gan, **common))
    steps_of(bench, "vsmm", lambda: VsmmStep(**vsmm, **common))
    book.part = part
    for name in dict.fromkeys(name for of, name in bench.kept if of.startswith(f"{part},")):
        times = [bench.kept.get((f"{part}, {phase} step", name)) for phase in ("gan", "vsmm")]
        if None not in times:
            whole = times[0] * phases.steps["gan"] + times[1] * phases.steps["vsmm"]
            book.row(f"{name}, as many steps of CWGAN and VSMM", [whole], "s")
    release(bench)


def steps_of(bench: Bench, phase: str, make: Callable[[], OuterStep | VsmmStep]) -> None:
    """Measure the step of a phase in every version, as a separate part."""
    book, part = bench.book, bench.book.part
    book.part = f"{part}, {phase} step"
    if book.left() < 15:
        book.missing("all versions", "no time left")
    else:
        book.attempt("all versions", lambda: compare(bench, make(), Which(cpu=True)))
    book.part = part


def main(path: str, sizes: Sizes) -> None:
    """Fit the letters on the CPU."""
    data = letters_samples(sizes.letters_step)
    model, _, _ = fit(sizes.letters_fit, "cpu", data, THREADS)
    result, figures = answers(model, data)
    np.savez(path, label=result.label, entropy=result.entropy, figures=json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], TINY if "--tiny" in sys.argv else FULL)
