"""A class of a user as a method of the comparison.

It is named by a text, "package.module:Class", and has to have

- a constructor that can be called without arguments;
- ``fit(X, y, seen_prototypes)``. X (n, d) are the training samples, y (n,) their labels, and row i
  of seen_prototypes (S, k) belongs to the class np.unique(y)[i];
- at least one of ``decision_function(X, unseen_prototypes)``, which returns finite scores
  (m, S + U), the seen classes in the order of np.unique(y) and then the unseen ones in the order of
  unseen_prototypes (U, k); and ``predict(X, unseen_prototypes, unseen_classes)``, which returns
  labels (m,).

The label of a sample is that of predict, or without predict the class with the largest score.
AUSUC, zero-shot and supervised accuracy, calibrated stacking and a row behind the router need
scores.

The class may have `title`, its name in the tables; `grid`, a dict of the values that --tune tries
for arguments of the constructor; and ``strict = False`` if it knows more of the unseen classes than
other strict methods, which the tables then show. With an argument `seed` of its constructor it is
run with every seed, otherwise once.

Each fit is of a new object. fit gets neither test samples nor unseen prototypes, whatever `strict`
is. All arrays are copies: the method may change them, and no other value can be reached from them.
What it prints goes to stderr, as stdout is for results.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from ..datasets import Dataset
from ..datasets.views import Prototypes, as_views, each_view
from ..errors import InputError
from ..metrics import accuracies, ausuc, mean_class_accuracy
from ..router import sample_rows, score_deviation
from ..runtime.backend import refuse_masked
from ..text import quoted, shown
from .methods import Evaluated, Method

SHOWN_ERROR = 300  # maximum characters of a message of the user's code


@dataclass(frozen=True, kw_only=True)
class OwnClass:
    """A user's class after the checks of own_class.load.

    Parameters
    ----------
    cls : type
    spec : str
        "package.module:Class".
    title : str
    strict : bool
    grid : dict of str to tuple
    has_seed : bool
        Whether the constructor takes a seed.
    sha256 : str, optional
        The checksum of the file that defines the class.
    on_traceback : callable, optional
        on_traceback(text) is given the traceback of each error in the class's code.
    """

    cls: type
    spec: str
    title: str
    strict: bool = True
    grid: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    has_seed: bool = False
    sha256: str | None = None
    on_traceback: Callable[[str], None] | None = None

    @property
    def has_scores(self) -> bool:
        """Whether the class has decision_function."""
        return hasattr(self.cls, "decision_function")

    @property
    def has_predict(self) -> bool:
        """Whether the class has predict."""
        return hasattr(self.cls, "predict")

    def __call__(
        self,
        *,
        seed: int = 0,
        offset: float | None = None,
        callback: Callable[[int, dict[str, Any]], None] | None = None,
        **params: Any,
    ) -> OwnModel:
        """Return an unfitted model; callback is not used, as the class doesn't take one."""
        return OwnModel(self, {**params, "seed": seed} if self.has_seed else params, offset=offset)

    def as_method(self) -> Method:
        """Return the class as a method of the comparison."""
        return Method(
            name=self.title,
            title=self.title,
            section=self.spec,
            kind=self,
            strict=self.strict,
            has_seed=self.has_seed,
            has_scores=self.has_scores,
            facts={"class": self.spec, "code_sha256": self.sha256},
            evaluate=OwnModel.evaluate,
            n_parameters=lambda model: None,
        )

    @contextmanager
    def running(self, name: str) -> Iterator[None]:
        """Turn an error of the class's code, in its method `name`, into one sentence.

        Raises FloatingPointError for one of these, else ValueError. KeyboardInterrupt and
        MemoryError stay what they are.
        """
        try:
            with redirect_stdout(sys.stderr):
                yield
        except (KeyboardInterrupt, MemoryError):
            raise
        except (Exception, SystemExit) as error:
            how = self._tell(error)
            kind = FloatingPointError if isinstance(error, FloatingPointError) else InputError
            raise kind(
                f"{self.title}: {name} raised {raised(error)}{self._place(error)}{how}"
            ) from error

    def _tell(self, error: BaseException) -> str:
        if not self.on_traceback:
            return "; repeat the command with --traceback to see the whole error"
        self.on_traceback("".join(traceback.format_exception(error)).rstrip())
        return ""

    def _place(self, error: BaseException) -> str:
        """Return " (file, line 3)" of the last line of the class's own file, if there is one."""
        module = sys.modules.get(self.cls.__module__)
        file = getattr(module, "__file__", None)
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if file and frame.filename == file
        ]
        return f" ({Path(file).name}, line {lines[-1]})" if file and lines else ""


def raised(error: BaseException) -> str:
    """Return "TypeError: message" on one line."""
    words = shown(" ".join(str(error).split()), SHOWN_ERROR)
    return f"{type(error).__name__}{': ' + words if words else ''}"


class OwnModel:
    """An object of a user's class, with what the comparison needs of a Baseline.

    Parameters
    ----------
    kind : OwnClass
    params : dict
        The arguments of the constructor.
    offset : float, optional
        The offset of calibrated stacking, as of a Baseline. With an offset, labels are by scores.

    Attributes
    ----------
    classes_ : ndarray of shape (S,)
    score_scale_ : float
        The unit of the offset: the standard deviation of the scores of seen classes on training
        samples. They are computed beside the mean of the seen prototypes as the one unseen class.
    """

    def __init__(self, kind: OwnClass, params: dict[str, Any], *, offset: float | None = None):
        self.kind, self.params, self.offset = kind, params, offset

    @property
    def has_scores(self) -> bool:
        """Whether there is a decision_function."""
        return self.kind.has_scores

    def fit(self, X: np.ndarray, y: np.ndarray, seen_prototypes: Prototypes) -> Self:
        """Make a new object of the class and fit it on copies of the arrays."""
        with self.kind.running("__init__"):
            model = self.kind.cls(**self.params)
        own_copy = np.array(X), np.array(y), each_view(np.array, seen_prototypes)
        with self.kind.running("fit"):
            model.fit(own_copy[0], own_copy[1], own_copy[2])
        self._model, self.classes_ = model, np.unique(y)
        if self.has_scores:
            mean = each_view(lambda a: a.mean(axis=0, keepdims=True), seen_prototypes)
            seen = self.decision_function(X[sample_rows(X)], mean)[:, : len(self.classes_)]
            self.score_scale_ = score_deviation(seen)
        return self

    def decision_function(self, X: np.ndarray, unseen_prototypes: Prototypes) -> np.ndarray:
        """Return the scores (n, S + U).

        Raises ValueError unless they are numbers of that shape, and FloatingPointError for NaN and
        infinity.
        """
        n_unseen = len(next(iter(as_views(unseen_prototypes).values())))
        wanted = len(X), len(self.classes_) + n_unseen
        with self.kind.running("decision_function"):
            f = self._model.decision_function(np.array(X), each_view(np.array, unseen_prototypes))
            f = np.array(f)  # a copy: the class may go on with its own
        if f.dtype.kind not in "fiub" or f.shape != wanted:
            raise InputError(
                f"{self.kind.title}: decision_function returned {f.dtype} of shape {f.shape}; "
                f"return numbers of shape {wanted}, a column for each of {len(self.classes_)} seen "
                f"classes and then for each of {n_unseen} unseen ones"
            )
        bad = f.size - int(np.isfinite(f).sum())
        if bad:
            raise FloatingPointError(
                f"{self.kind.title}: decision_function returned {bad} NaN or infinite scores of "
                f"{f.size}; return finite numbers"
            )
        return f if f.dtype.kind == "f" else f.astype(np.float64)

    def calibrated(self, scores: np.ndarray) -> np.ndarray:
        """Return scores (n, S + U) with the offset subtracted from seen classes."""
        if not self.offset:
            return scores
        seen = np.arange(scores.shape[1]) < len(self.classes_)
        return scores - np.where(seen, self.offset * self.score_scale_, 0).astype(scores.dtype)

    def predict(
        self, X: np.ndarray, unseen_prototypes: Prototypes, unseen_classes: np.ndarray
    ) -> np.ndarray:
        """Return labels (n,): by the class's predict, or by the scores if there is an offset.

        Raises ValueError unless there is a label of these classes for each sample.
        """
        classes = np.concatenate([self.classes_, unseen_classes])
        if self.offset is not None or not self.kind.has_predict:
            f = self.calibrated(self.decision_function(X, unseen_prototypes))
            return classes[f.argmax(axis=1)]
        with self.kind.running("predict"):
            y = self._model.predict(
                np.array(X), each_view(np.array, unseen_prototypes), np.array(unseen_classes)
            )
            refuse_masked(y, "its result")
            y = np.array(y)
        return self._checked(y, classes, rows=len(X))

    def _checked(self, y: np.ndarray, classes: np.ndarray, *, rows: int) -> np.ndarray:
        if y.shape != (rows,):
            raise InputError(
                f"{self.kind.title}: predict returned {y.dtype} of shape {y.shape}; return one "
                f"label per sample, shape ({rows},)"
            )
        known = np.isin(y, classes) if _is_text(y) == _is_text(classes) else np.zeros(rows, bool)
        if not known.all():
            raise InputError(
                f"{self.kind.title}: predict returned {rows - known.sum()} labels of {rows} that "
                f"are none of the classes, the first is {quoted(y[~known][0].item())}; return "
                f"labels like {quoted(classes[0].item())} and {quoted(classes[-1].item())}"
            )
        return y.astype(classes.dtype)

    def evaluate(self, data: Dataset) -> Evaluated:
        """Return the figures and labels of test samples; without scores only S, U and H."""
        y, seen, unseen = data.y_test, data.seen_classes, data.unseen_classes
        label = self.predict(data.X_test, data.unseen_prototypes, unseen)
        is_seen = np.isin(y, seen)
        figures: dict[str, Any] = accuracies(y, label, is_seen)
        if self.has_scores:
            f = self.decision_function(data.X_test, data.unseen_prototypes)
            f_seen, f_unseen = f[:, : len(seen)], f[:, len(seen) :]
            supervised = seen[f_seen[is_seen].argmax(axis=1)]
            zero_shot = unseen[f_unseen[~is_seen].argmax(axis=1)]
            figures |= {
                "ausuc": ausuc(f_seen, f_unseen, y, seen, unseen),
                "supervised": mean_class_accuracy(y[is_seen], supervised),
                "zsl": mean_class_accuracy(y[~is_seen], zero_shot),
            }
        return Evaluated(figures, label)


def _is_text(labels: np.ndarray) -> bool:
    return labels.dtype.kind not in "biuf"
