"""Baselines as files: `save`, and the states that `tinygzsl.load_model` makes models of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np

from ...datasets.array_checks import check_dtype
from ...datasets.named_columns import Names
from ...datasets.scaling import Scaler
from ...datasets.views import ONE
from ...errors import InputError
from ...runtime.checks import check_seen
from ...sklearn_protocol import NamedColumns, Parameters
from ...storage.arrays_file import FORMAT, State, write_model
from ...text import quoted, shown
from .trained import Number, Part, Sizes, joined

KIND = "baseline"  # of these files
NOT_SAVED = ("threads", "callback")  # they belong to a process


@dataclass(kw_only=True, eq=False, repr=False)
class Saved(NamedColumns, Parameters, ABC):
    """The part of Baseline that has to do with files."""

    strict: ClassVar[bool]
    # The attributes that predict needs beside those below, see trained.py.
    trained: ClassVar[dict[str, Part]] = {}

    def save(self, path: Any) -> None:
        """Write the model to a file, for `tinygzsl.load_model`.

        The loaded model predicts the same bit for bit. The file is written under another name and
        then renamed, so it is never incomplete. It holds the parameters but threads and callback,
        the scalers, the seen prototypes and what predict needs of what was trained. Unseen
        prototypes are only in the files of methods that aren't strict; `strict` is in the header.

        Parameters
        ----------
        path : path-like
            The .npz file to write.

        Raises
        ------
        ValueError
            If the model is not fitted.
        OSError
            If the file can't be written.
        """
        write_model(path, self.state())

    def state(self) -> State:
        """Return what the model's file holds. The arrays are the model's own.

        Raises ValueError if the model is not fitted, or if its class declares nothing `trained`.
        """
        self._check_fitted()
        if not self.trained:
            raise InputError(
                f"{type(self).__name__} doesn't declare what is trained, so it can't be saved; add "
                "`trained`, see tinygzsl.baselines.common.trained"
            )
        params = {n: v for n, v in self.get_params().items() if n not in NOT_SAVED}
        scalers = {"feature": self._feature_scaler, "prototype": self._prototype_scaler}
        trained = joined(part.state(n, getattr(self, n)) for n, part in self.trained.items())
        header = {
            "kind": KIND,
            "format": FORMAT,
            "method": type(self).__name__,
            "strict": self.strict,
            "params": {name: _plain(name, value) for name, value in params.items()},
            "unit_rows": {name: scaler.unit_rows for name, scaler in scalers.items()},
            "score_scale": self.score_scale_,
            "trained": trained.header,
            **self._names.header(),
        }
        own = {"classes": self.classes_, "seen_prototypes": self._seen_prototypes}
        for name, scaler in scalers.items():
            own |= scaler.state(name).arrays
        return State(header, own | trained.arrays)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Return the model that `state` described; it shares the arrays.

        Raises one of storage.arrays_file.DAMAGED if a part is missing or doesn't fit.
        """
        header = state.header
        if header["method"] != cls.__name__ or header["strict"] is not cls.strict:
            raise InputError(f"it holds {shown(header['method'], 40)}, not {cls.__name__}")
        params = header["params"].items()
        model = cls(**{n: tuple(v) if isinstance(v, list) else v for n, v in params})
        model.check()
        sizes = model._restore_common(state)
        trained = State(header["trained"], state.arrays)
        for name, part in cls.trained.items():
            setattr(model, name, part.restore(name, trained, sizes))
        return model

    @abstractmethod
    def check(self) -> None:
        """Raise ValueError for a parameter out of its range."""

    def _check_fitted(self) -> None:
        if not hasattr(self, "classes_"):
            raise InputError("the model is not fitted; call fit first")

    def _restore_common(self, state: State) -> Sizes:
        """Take over what every baseline has; the sizes are those of the seen prototypes."""
        arrays, unit_rows = state.arrays, state.header["unit_rows"]
        self.classes_, seen = arrays["classes"], arrays["seen_prototypes"]
        check_dtype(str(seen.dtype))
        check_seen(self.classes_, seen, dtype=seen.dtype)
        feature, prototype = (
            Scaler.from_state(name, kind="l2" if unit_rows[name] else "", arrays=arrays)
            for name in ("feature", "prototype")
        )
        d, k = feature.shift.size, seen.shape[1]
        feature.check("feature", n=d, dtype=seen.dtype)
        prototype.check("prototype", n=k, dtype=seen.dtype)
        self._seen_prototypes, self.n_features_in_ = seen, d
        self._names = Names.from_header(state.header, d=d, k={ONE: k})
        self._feature_scaler, self._prototype_scaler = feature, prototype
        sizes = Sizes(seen.dtype, S=len(seen), d=d, k=k)
        self.score_scale_ = Number(positive=True).restore("score_scale", state, sizes)
        return sizes


def _plain(name: str, value: Any) -> Any:
    """Return a parameter as JSON holds it: a number, a text, None or a list of these."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, list | tuple):
        return [_plain(name, v) for v in value]
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    raise InputError(
        f"{name} is {quoted(value)}, which no model file can hold; pass a number or text"
    )
