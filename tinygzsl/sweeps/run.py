"""One run of a sweep: train on a split with a seed and settings, evaluate, return a row.

Both engines call `run_row`, so a row doesn't depend on the engine.
"""

from __future__ import annotations

import platform
import threading
import time
import warnings
from dataclasses import dataclass, field
from typing import Any

from ..datasets import Dataset, TrainingSet, check_test, check_training, load_dataset
from ..errors import InputError
from ..estimator import EntropySeparationGZSL
from ..evaluation import evaluate
from ..runtime.backend import device_module, to_host
from ..runtime.threads import workers
from ..settings import BEST
from ..stacking.stack import StackedGZSL
from ..storage.checksums import fingerprint
from ..tuning.auto import tuned
from ..tuning.learned_gate import fitted_numbers
from ..version import __version__

FIGURES = ("S", "U", "H", "auroc", "ausuc", "gzsl_H", "supervised", "zsl")
OPTIONAL = "gzsl_H"  # of FIGURES, that a stack doesn't have
CHECKSUMS = ("model_sha256", "data_sha256")
TIMING = ("seconds", "host")  # the only columns that may differ when a run is repeated


@dataclass(frozen=True, kw_only=True)
class Run:
    """The description of one run.

    key are the columns that identify its row (dataset, split, seed, varied settings), source the
    arguments of load_dataset, params the parameters of EntropySeparationGZSL, or for preset "best"
    of StackedGZSL with what its folds have found, and version the version of tinygzsl that started
    the sweep.
    """

    key: dict[str, Any]
    source: dict[str, Any]
    params: dict[str, Any] = field(repr=False)
    version: str = __version__


class _Loaded:
    """Caches the dataset that this process loaded last, as runs of one split are consecutive."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.source: dict[str, Any] | None = None
        self.data: tuple[Dataset, str] | None = None

    def get(self, source: dict[str, Any]) -> tuple[Dataset, str]:
        """Return the dataset and the SHA-256 of its arrays; the previous one is freed first."""
        with self.lock:
            if self.data is None or self.source != source:
                self.source = self.data = None
                data = load_dataset(**source)
                check_test(data)
                self.data, self.source = (data, data.sha256()), source
            return self.data


_loaded = _Loaded()  # global, as a dask worker has no other state that lasts between tasks


def run_row(run: Run) -> dict[str, Any]:
    """Train and evaluate; return a row with the columns of `columns`.

    If training fails (it diverges, or no snapshot is in the window), the row has the message as
    `error` and no figures. Raises ValueError or OSError for a dataset or device that can't be used,
    and MemoryError.
    """
    if run.version != __version__:
        raise InputError(
            f"the worker on {platform.node()} has tinygzsl {__version__}, but the sweep was "
            f"started by {run.version}; install the same version there"
        )
    # BLAS is limited for the whole run, as a dask worker may have another number of threads.
    with workers(run.params["threads"]):
        return _row(run)


def _row(run: Run) -> dict[str, Any]:
    device_module(run.params["device"])
    data, sha256 = _loaded.get(run.source)
    training = data.training()
    check_training(training)
    started = time.perf_counter()
    figures: dict[str, Any] = dict.fromkeys((*FIGURES, "model_sha256", "error"))
    try:
        model = _train(training, run.params)
    except (FloatingPointError, InputError) as error:
        figures["error"] = " ".join(str(error).split())
        model = None
    seconds = time.perf_counter() - started
    del training
    if model is not None:
        figures |= _figures(evaluate(model, data)) | {"model_sha256": weights_sha256(model)}
    return {
        **run.key,
        **figures,
        "data_sha256": sha256,
        "seconds": round(seconds, 3),
        "host": platform.node(),
    }


def columns(run: Run) -> tuple[str, ...]:
    """Return the columns of a row, in the order of the file; seconds are those of training."""
    return (*run.key, *FIGURES, *CHECKSUMS, "error", *TIMING)


def _train(training: TrainingSet, params: dict[str, Any]) -> EntropySeparationGZSL | StackedGZSL:
    with warnings.catch_warnings():  # a sweep would show hundreds; the row's figures show the same
        warnings.simplefilter("ignore", UserWarning)
        if params["preset"] == BEST:
            own = {k: v for k, v in params.items() if k not in ("preset", "fold_results")}
            return StackedGZSL(**own).fit(
                training.X,
                training.y,
                training.prototypes,
                fold_results=params.get("fold_results"),
            )
        if params["preset"] == "auto":  # fit doesn't get the dataset's validation rows
            found = tuned(training, EntropySeparationGZSL(**params).get_params())
            params = {**params, **found.settings, "preset": found.preset}
        model = EntropySeparationGZSL(**params)
        model.set_params(**fitted_numbers(training, model.get_params()))
        return model.fit(training.X, training.y, training.prototypes)


def _figures(metrics: dict[str, Any]) -> dict[str, float | None]:
    gzsl = metrics.get("gzsl")  # of a stack there is none, as it labels nothing without its gate
    flat = {**metrics, "gzsl_H": gzsl and gzsl["H"]}
    return {name: None if flat[name] is None else float(flat[name]) for name in FIGURES}


def weights_sha256(model: EntropySeparationGZSL | StackedGZSL) -> str:
    """Return the SHA-256 of all trained parameters: the VSMM's and the proxies' generators'.

    Of a stack, that of all its experts and of its decision.
    """
    if isinstance(model, StackedGZSL):
        state = model.state()
        return fingerprint(state.header["decision"], *map(to_host, state.arrays.values()))
    networks = list(model.vsmm_.networks.values())
    if model.proxy_source_ is not None:
        networks += [snapshot.generator for snapshot in model.proxy_source_.snapshots]
    return fingerprint(*(to_host(p) for network in networks for p in network.params))
