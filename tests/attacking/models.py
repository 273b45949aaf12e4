"""Small fitted models and run folders, made once per process; cases start from these."""

import atexit
import shutil
import tempfile
import warnings
from functools import cache
from pathlib import Path

from fuzzing.bases import SETTINGS, dataset

from tinygzsl import EntropySeparationGZSL
from tinygzsl.baselines import DEM, ESZSL, PrototypeRidge
from tinygzsl.baselines.common.calibration import fit_on
from tinygzsl.datasets import save_csv, save_npz
from tinygzsl.stacking import RoutedGZSL, StackedGZSL

from .judge import invoke

SINGLE = {**SETTINGS, "vsmm_weight_es": 0.0, "threads": 1}  # no CWGAN: fitted in 30 ms
FAST = ("--threads", "1", "--preset", "small")  # options of `train` with the same settings
SETS = (
    *("gan.generator_hidden=[4]", "gan.critic_hidden=[4]", "gan.lr=3e-3", "gan.batch=8"),
    *("gan.max_epochs=6", "cs.low=0.0", "cs.high=0.9", "cs.per_class=4", "proxy.count=20"),
    *("scale.features=standard", "gan.output=linear", "vsmm.latent=4", "vsmm.lr=1e-2"),
    *("vsmm.batch=16", "vsmm.epochs=2", "router.delta_high=1.0", "ptc.l2=[1e-2]"),
)
FAST += tuple(part for pair in SETS for part in ("--set", pair))
NO_GAN = (*FAST, "--set", "vsmm.weight_es=0")


@cache
def place():
    """A folder for what outlasts a case; cases only read it."""
    folder = Path(tempfile.mkdtemp(prefix="attacked")).resolve()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def fitted(name, text=False):
    """A fitted model by name, of numbers or text for labels."""
    data = dataset(text)
    training = data.training()
    arrays = training.X, training.y, training.prototypes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tiny models are weak
        if name == "routed":
            expert = fit_on(DEM(hidden=4, steps=2, threads=1), data)
            return RoutedGZSL(router=fitted("single", text), expert=expert)
        return unfitted(name).fit(*arrays)


def unfitted(name):
    """A model by name, to be fitted."""
    if name == "single":
        return EntropySeparationGZSL(**SINGLE)
    if name == "stack":
        return StackedGZSL(experts=[ESZSL(), PrototypeRidge()], threads=1)
    return {"ESZSL": ESZSL, "PrototypeRidge": PrototypeRidge}[name](threads=1)


@cache
def sources():
    """A folder with a dataset as d.npz and as CSV files in csv/, and with a text dataset t.npz."""
    folder = place() / "sources"
    (folder / "csv").mkdir(parents=True)
    save_npz(dataset(), folder / "d.npz")
    save_npz(dataset(text=True), folder / "t.npz")
    save_csv(dataset(), folder / "csv")
    return folder


@cache
def run_folder(source="d.npz", gan=False):
    """A finished run folder of `train`."""
    run = place() / f"run-{source}-{gan}"
    options = FAST if gan else NO_GAN
    saved = ("--checkpoint-seconds", "0")
    ended = invoke("train", "train", sources() / source, *options, *saved, "--out", run)
    if ended.code:
        raise RuntimeError(ended.err)
    return run


@cache
def model_bytes(name, text=False):
    """The file of a fitted model."""
    path = place() / f"{name}-{text}.npz"
    fitted(name, text).save(path)
    return path.read_bytes()
