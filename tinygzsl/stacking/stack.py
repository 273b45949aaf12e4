"""StackedGZSL: several methods score a sample, and a learned gate makes one decision of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import numpy as np

from ..datasets import TrainingSet
from ..datasets.array_checks import (
    check_dtype,
    check_finite,
    check_matrix,
    check_training_arrays,
    check_unseen,
    warn_if_same,
)
from ..datasets.labelled_rows import in_order_of_y, prototype_tables
from ..datasets.named_columns import Names, as_table
from ..datasets.views import as_views, named_tables
from ..errors import InputError
from ..gates.learned import warn_if_other_number
from ..gates.panel import Decision, Panel, decide
from ..kernels.reference import log_softmax_entropy
from ..nn.device_memory import FREE_SOME, device_errors
from ..nn.random import check_seed
from ..router import RouteResult
from ..runtime.array import Array
from ..runtime.backend import device_module, to_host
from ..runtime.checks import check_said
from ..runtime.labels import check_labels
from ..runtime.threads import check_threads, workers
from ..sklearn_protocol import NamedColumns, Parameters
from ..storage.arrays_file import FORMAT, State, part_of, put_together, write_model
from ..text import quoted, shown
from . import experts as methods
from . import training as stack_training
from .checkpoints import StackCheckpoint
from .files import scorer_from_state, scorer_state
from .fold_results import FoldResults
from .inputs import (
    arrays_of,
    as_given,
    check_there,
    checked_features,
    checked_unseen,
    unseen_of_fit,
)
from .loadable import check_loadable
from .scoring import joined

T = TypeVar("T")

KIND = "stack"  # of its files
CHUNK_ROWS, CHUNK_SCORES = 8192, 1 << 24  # most rows, and scores by all experts, at once


@dataclass(kw_only=True, eq=False, repr=False)
class StackedGZSL(NamedColumns, Parameters):
    """Generalized zero-shot classifier of several experts and one learned gate.

    Every expert is trained on folds of the training samples on which some seen classes play unseen
    ones. There the weights of the experts among seen and among unseen classes are fitted, and the
    gate, which looks at each expert's entropy (EntropySeparationGZSL's only), at by how much its
    best seen class fits better than its best unseen one, and perhaps at the similarity to training
    samples. Then every expert is trained on all samples.

    `fit` uses samples and prototypes of seen classes only, unless an expert that is not strict is
    allowed. Up to rounding, nothing of the result depends on which samples are predicted together.
    With the feature "neighbours" the model, and its file, hold training samples.

    Below, n is the number of samples, d of features, k of attributes, S of seen and U of unseen
    classes. Where prototypes are passed, a dict of arrays by name, like {"att": (S, k1), "sent":
    (S, k2)}, has several views of the same classes. Then there is every expert for every view,
    named like "SYNC, att", and `predict` needs the same views.

    Parameters
    ----------
    experts : dict of str to method, list of methods, or None
        Unfitted methods that score all classes: EntropySeparationGZSL, those of
        tinygzsl.baselines, and others with fit(X, y, seen_prototypes), decision_function(X,
        unseen_prototypes=None), which without the latter scores the seen classes, and get_params.
        A list is named by the classes. The stack's dtype,
        threads and device replace theirs, and each gets a seed of its own, that of the stack plus
        a multiple of an odd number. None takes tinygzsl.stacking.default_experts().
    features : tuple of {"entropy", "gap", "neighbours"} or None
        What the gate looks at. With None the folds choose whether "neighbours" are added to the
        others: only if the mean H of folds, each with the decision of the other folds, is more
        than .005 higher. A kind that no expert has is refused if it is given, and else left out.
    allow_non_strict : tuple of str
        Names or classes of experts that may train with prototypes of unseen classes. `fit` then
        needs unseen_prototypes, and `strict` is False.
    seed : int, 0 to 2**64 - 1
        The seed of all random numbers.
    device : {"cpu", "cuda"}
        Where experts of class EntropySeparationGZSL work.
    dtype : {"float32", "float64"}
        The precision of the experts.
    threads : int, optional
        Number of threads; by default as many as BLAS would use.
    callback : callable, optional
        callback(pieces done, logs) is called during fit, see tinygzsl.stacking.pieces.Pieces.

    Attributes
    ----------
    classes_ : ndarray of shape (S,)
        The labels of the seen classes, sorted.
    n_features_in_ : int
        The number of features d.
    feature_names_in_ : ndarray of shape (d,)
        The names of the columns of X, if fit got a data frame with names.
    attribute_names_in_ : ndarray of shape (k,), or dict of them by view
        Those of the prototypes.
    experts_ : dict of str to method
        The fitted experts.
    views_ : tuple of str
        The names of the views of the prototypes; that of one array is "prototypes".
    decision_ : tinygzsl.gates.panel.Decision
        The weights of the experts, in the order of experts_, and the gate.
    held_out_h_ : dict of tuple to list of float
        For features that the folds tried, H of each fold by the decision of the others.
    fold_unseen_ : tuple of int
        The number of classes that played unseen ones on each fold.
    fold_results_ : tinygzsl.stacking.FoldResults
        The same three together, for `fit`.
    strict : bool
        Whether no expert trains with prototypes of unseen classes.

    Examples
    --------
    Five seen classes, and two that are not in training:

    >>> import numpy as np
    >>> from tinygzsl.baselines import ESZSL, PrototypeRidge
    >>> from tinygzsl.stacking import StackedGZSL
    >>> rng = np.random.default_rng(0)
    >>> prototypes, to_features = rng.random((7, 6)), rng.normal(size=(6, 12))
    >>> y = np.repeat(np.arange(7), 30)
    >>> X = prototypes[y] @ to_features + 0.1 * rng.normal(size=(210, 12))
    >>> seen = y < 5
    >>> model = StackedGZSL(experts=[ESZSL(), PrototypeRidge()])
    >>> model = model.fit(X[seen], y[seen], prototypes[:5])
    >>> labels = model.predict(X, prototypes[5:], np.array([5, 6]))
    >>> bool((labels == y).mean() > 0.8)
    True
    >>> list(model.experts_)
    ['ESZSL', 'PrototypeRidge']
    """

    experts: Mapping[str, Any] | list[Any] | None = None
    features: tuple[str, ...] | None = None
    allow_non_strict: tuple[str, ...] = ()
    seed: int = 0
    device: str = "cpu"
    dtype: str = "float32"
    threads: int | None = None
    callback: Callable[[int, dict[str, Any]], None] | None = None

    def fit(
        self,
        X: Array,
        y: Array,
        seen_prototypes: Array | Mapping[str, Array],
        *,
        unseen_prototypes: Array | Mapping[str, Array] | None = None,
        fold_results: FoldResults | None = None,
        checkpoint: StackCheckpoint | None = None,
    ) -> Self:
        """Train on samples and prototypes of the seen classes.

        If fit fails, the model stays as it was.

        Parameters
        ----------
        X : array or data frame of shape (n, d)
            Features. If all columns of a data frame have text for a name, later ones need the same
            columns in the same order.
        y : array of shape (n,)
            Their labels, integers or text.
        seen_prototypes : array or data frame of shape (S, k), or dict of them by view
            Row i is the prototype of classes_[i], which is np.unique(y)[i]. Rows of a data frame
            indexed by class, and of a dict from class to vector, may come in any order; with the
            default index 0, 1, ... they are plain rows.
        unseen_prototypes : array of shape (U, k), or dict of them by view, optional
            Only for experts that allow_non_strict names; refused if there are none. Weights and
            gate never depend on them.
        fold_results : FoldResults, optional
            The fold_results_ of another fit, from which weights and gate are then taken: there are
            no folds, and `features` is not used.
        checkpoint : StackCheckpoint, optional
            A folder in which finished pieces of work are saved, and from which fit resumes. For
            experts of this package only.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the arrays or parameters can't be trained with.
        FloatingPointError
            If the training of an expert diverges.
        """
        with workers(check_threads(self.threads)), device_errors(FREE_SOME):
            self._fit(X, y, seen_prototypes, unseen_prototypes, fold_results, checkpoint)
        return self

    def _fit(
        self,
        X: Array,
        y: Array,
        seen_prototypes: Array | Mapping[str, Array],
        unseen_prototypes: Array | Mapping[str, Array] | None,
        fold_results: FoldResults | None,
        checkpoint: StackCheckpoint | None,
    ) -> None:
        seed = check_seed(self.seed)
        check_dtype(self.dtype)
        device_module(self.device)
        features = checked_features(self.features)
        chosen = methods.by_name(self.experts)
        methods.check_strict(chosen, self.allow_non_strict)
        table, tables = as_table(X), prototype_tables("seen_prototypes", seen_prototypes)
        names = Names.of(table, tables)
        tables = in_order_of_y(tables, y, name="seen_prototypes")
        X, seen = to_host(table.array), arrays_of(tables)
        for name, table in named_tables("seen_prototypes", seen).items():
            classes, index = check_training_arrays(X, y, table, name=name)
        given = {"seed": seed, "device": self.device, "dtype": self.dtype, "threads": self.threads}
        experts = methods.with_views(chosen, as_views(seen), given=given)
        wanted = features is None or "neighbours" in features
        if fold_results is not None:
            fold_results.check(experts)
            wanted = fold_results.near
        elif features is not None:
            check_there(features, experts)
        scalings = [expert.scaling for expert in experts if expert.scaling is not None]
        if checkpoint is not None:
            for expert in experts:
                check_loadable(f"the expert {expert.name}", expert.method)
        plan = stack_training.Plan(
            experts=experts,
            features=features,
            seed=seed,
            dtype=self.dtype,
            unseen=unseen_of_fit(as_views(seen), unseen_prototypes, experts, names=names),
            fold_results=fold_results,
            callback=self.callback,
            checkpoint=checkpoint,
            scalings=list(dict.fromkeys(scalings)) if wanted else [],
        )
        training = TrainingSet(X, classes[index], seen, classes)
        trained = stack_training.fit(training, plan)

        self._scorer, self.fold_results_ = trained.scorer, trained.fold_results
        self._fit_params = {k: v for k, v in given.items() if k != "threads"}
        self.classes_, self.n_features_in_, self._names = classes, X.shape[1], names

    @property
    def experts_(self) -> dict[str, Any]:
        """The fitted experts by name."""
        self._check_fitted()
        return self._scorer.models

    @property
    def decision_(self) -> Decision:
        """The weights of the experts, in the order of experts_, and the gate."""
        self._check_fitted()
        return self.fold_results_.decision

    @property
    def held_out_h_(self) -> dict[tuple[str, ...], list[float]]:
        """For features that the folds tried, H of each fold by the decision of the others."""
        self._check_fitted()
        return self.fold_results_.held_out

    @property
    def fold_unseen_(self) -> tuple[int, ...]:
        """The number of classes that played unseen ones on each fold."""
        self._check_fitted()
        return self.fold_results_.fold_unseen

    @property
    def views_(self) -> tuple[str, ...]:
        """The names of the views; that of one array is "prototypes"."""
        self._check_fitted()
        return tuple(self._scorer.seen)

    @property
    def strict(self) -> bool:
        """Whether no expert trains with prototypes of unseen classes."""
        if hasattr(self, "_scorer"):
            return all(expert.strict for expert in self._scorer.experts)
        return all(getattr(m, "strict", True) for m in methods.by_name(self.experts).values())

    def predict(
        self,
        X: Array,
        unseen_prototypes: Array | Mapping[str, Array] | None = None,
        unseen_classes: Array | None = None,
    ) -> np.ndarray:
        """Predict the label of each sample.

        Without unseen_prototypes the experts choose among the seen classes.

        Parameters
        ----------
        X : array of shape (n, d)
            Features, in the units of those of `fit`.
        unseen_prototypes : array or data frame of shape (U, k), or dict of them by view, optional
            One row per unseen class.
        unseen_classes : array of shape (U,), optional
            Their labels, none of them in classes_. Prototypes by class are put in this order, and
            need no labels here.

        Returns
        -------
        ndarray of shape (n,)
            The labels.

        Raises
        ------
        ValueError
            If the model is not fitted, or the arrays don't fit it or hold NaN.
        """
        return self.route(X, unseen_prototypes, unseen_classes).label

    def route(
        self,
        X: Array,
        unseen_prototypes: Array | Mapping[str, Array] | None = None,
        unseen_classes: Array | None = None,
    ) -> RouteResult:
        """Predict labels, with the route, entropy, score and gate of each sample.

        Parameters
        ----------
        X, unseen_prototypes, unseen_classes
            As for `predict`. Without unseen_prototypes every sample takes the route SL.

        Returns
        -------
        tinygzsl.router.RouteResult
            Arrays of shape (n,): label, route ("SL" for a seen label, else "ZSL"), entropy in nats
            of the probabilities of seen classes, score (the label's probability among all classes)
            and gate (the probability of all seen classes together).

        Raises
        ------
        ValueError
            If the model is not fitted, or the arrays don't fit it or hold NaN.
        """
        self._check_fitted()
        if unseen_prototypes is None:
            if unseen_classes is not None:
                raise InputError("unseen_classes came without unseen_prototypes; pass both")
            return self._supervised(X)
        unseen, unseen_classes = self._checked_unseen(unseen_prototypes, unseen_classes)
        for name, table in named_tables("unseen_prototypes", as_given(unseen)).items():
            k = table.shape[1]
            labels = check_unseen(table, unseen_classes, self.classes_, n_attributes=k, name=name)
        labels = np.concatenate([self.classes_, labels])
        n_seen, seen = len(self.classes_), self._scorer.seen
        both = [np.concatenate([seen[view], unseen[view]]) for view in unseen]
        warn_if_same(labels, np.hstack(both), since=n_seen)
        warn_if_other_number(len(labels) - n_seen, self.fold_unseen_)

        def part(x: np.ndarray) -> tuple[np.ndarray, ...]:
            panel = self._scorer.panel(x, unseen)
            found = decide(self.decision_, panel)
            return found.index, self._log_p(panel.seen)[1], found.score, found.gate

        index, entropy, score, gate = self._over_chunks(X, part, n_classes=len(labels))
        route = np.where(index < n_seen, "SL", "ZSL")
        return RouteResult(
            label=labels[index], route=route, entropy=entropy, score=score, gate=gate
        )

    def panel(self, X: Array, unseen_prototypes: Array | Mapping[str, Array]) -> Panel:
        """Return the experts' scores of the samples X (n, d), and their similarities.

        Parameters
        ----------
        X : array of shape (n, d)
        unseen_prototypes : array of shape (U, k), or dict of them by view

        Returns
        -------
        tinygzsl.gates.panel.Panel
            For tinygzsl.gates.panel.decide, with decision_.

        Raises
        ------
        ValueError
            If the model is not fitted, or the arrays don't fit it or hold NaN.
        """
        self._check_fitted()
        unseen, _ = self._checked_unseen(unseen_prototypes)
        n_classes = len(self.classes_) + len(next(iter(unseen.values())))
        return joined(
            self._by_chunk(X, lambda x: self._scorer.panel(x, unseen), n_classes=n_classes)
        )

    def is_unseen(self, X: Array, unseen_prototypes: Array | Mapping[str, Array]) -> np.ndarray:
        """Predict whether each sample belongs to an unseen class: its gate is below 1/2.

        Parameters
        ----------
        X : array of shape (n, d)
        unseen_prototypes : array of shape (U, k), or dict of them by view
            The gate compares their fit with that of the seen ones.

        Returns
        -------
        ndarray of bool of shape (n,)

        Raises
        ------
        ValueError
            If the model is not fitted, or the arrays don't fit it or hold NaN.
        """
        self._check_fitted()
        unseen, _ = self._checked_unseen(unseen_prototypes)
        n_classes = len(self.classes_) + len(next(iter(unseen.values())))

        def part(x: np.ndarray) -> tuple[np.ndarray, ...]:
            return (decide(self.decision_, self._scorer.panel(x, unseen)).theta < 0,)

        return self._over_chunks(X, part, n_classes=n_classes)[0]

    def entropy(self, X: Array) -> np.ndarray:
        """Return the entropy (n,) in nats of predict_proba for X (n, d)."""
        return self._supervised(X).entropy

    def predict_proba(self, X: Array) -> np.ndarray:
        """Return p(y|x) (n, S) of the seen classes by all experts for X (n, d).

        Columns are in the order of classes_.
        """
        self._check_fitted()

        def part(x: np.ndarray) -> tuple[np.ndarray, ...]:
            return (np.exp(self._log_p(self._scorer.seen_scores(x))[0]),)

        return self._over_chunks(X, part, n_classes=len(self.classes_))[0]

    def score(self, X: Array, y: Array) -> float:
        """Return the accuracy (0 to 1) of `predict` among seen classes on X (n, d), y (n,)."""
        labels = self.predict(X)
        y = check_labels("y", y, rows=len(labels), like=labels)
        return float((labels == y).mean())

    def save(self, path: Any) -> None:
        """Write the model to a file, for `tinygzsl.load_model`.

        The loaded model predicts the same bit for bit. If the gate looks at "neighbours", the file
        holds training samples, whitened and scaled to length 1; if an expert is not strict, it
        holds the unseen prototypes that it was trained with.

        Parameters
        ----------
        path : path-like
            The .npz file to write.

        Raises
        ------
        ValueError
            If the model is not fitted, or an expert's class can't be saved.
        OSError
            If the file can't be written.
        """
        write_model(path, self.state())

    def state(self) -> State:
        """Return what the model's file holds; ValueError unless it is fitted."""
        self._check_fitted()
        header = {
            "kind": KIND,
            "format": FORMAT,
            "strict": self.strict,
            "params": self._fit_params
            | {
                "features": self.features,
                "allow_non_strict": self.allow_non_strict,
                "default_experts": self.experts is None,
            },
            **self.fold_results_.header(),
            **self._names.header(),
        }
        return put_together(header, scorer=scorer_state(self._scorer))

    @classmethod
    def from_state(cls, state: State, device: str | None = None) -> Self:
        """Return the model that `state` described, on its device or another one.

        Raises one of storage.arrays_file.DAMAGED if a part is missing or doesn't fit.
        """
        header = state.header
        params = dict(header["params"])
        default = params.pop("default_experts")
        features = params["features"] and tuple(params["features"])
        allowed = tuple(params["allow_non_strict"])
        params |= {"features": features, "allow_non_strict": allowed}
        params["device"] = device or params["device"]
        check_seed(params["seed"])
        check_dtype(params["dtype"])
        model = cls(**params)
        model._fit_params = {k: params[k] for k in ("seed", "device", "dtype")}
        model._scorer = scorer_from_state(
            part_of(state, "scorer"), device=params["device"], dtype=params["dtype"]
        )
        first = next(iter(model.experts_.values()))
        model.classes_, model.n_features_in_ = first.classes_, first.n_features_in_
        k = {view: a.shape[1] for view, a in model._scorer.seen.items()}
        model._names = Names.from_header(header, d=model.n_features_in_, k=k)
        model.fold_results_ = FoldResults.from_header(header, model.experts_)
        unknown = model.fold_results_.unknown_feature(
            model._scorer.experts, model._scorer.similarities
        )
        if unknown is not None:
            raise InputError(f"the gate looks at {quoted(unknown)}, which isn't in the file")
        model.experts = None if default else model._as_parameter()
        if header["strict"] is not model.strict:
            raise InputError(f"strict is {shown(header['strict'], 20)}")
        return model

    def _as_parameter(self) -> dict[str, Any]:
        """Return the unfitted experts as `experts` takes them: once, not for each view."""
        first = next(iter(self._scorer.seen))
        return {
            expert.name.removesuffix(f", {first}"): expert.method
            for expert in self._scorer.experts
            if expert.view == first
        }

    def _check_fitted(self) -> None:
        if not hasattr(self, "_scorer"):
            raise InputError("the model is not fitted; call fit(X, y, seen_prototypes) first")

    def _checked_unseen(
        self, unseen_prototypes: Any, unseen_classes: Any = None
    ) -> tuple[dict[str, np.ndarray], Any]:
        """Return the views of unseen classes in the order of those of fit, and the classes."""
        unseen, classes = checked_unseen(
            self._scorer.seen, unseen_prototypes, unseen_classes, names=self._names
        )
        for name, table in named_tables("unseen_prototypes", as_given(unseen)).items():
            check_finite(name, table)
        return unseen, classes

    def _checked_samples(self, X: Array) -> np.ndarray:
        X = to_host(self._features_of(X))
        check_matrix("X", X, columns=self.n_features_in_, why="the training data")
        check_finite("X", X)
        return X

    def _over_chunks(
        self,
        X: Array,
        function: Callable[[np.ndarray], tuple[np.ndarray, ...]],
        *,
        n_classes: int,
    ) -> list[np.ndarray]:
        """Return the results of function(rows of X), which scores n_classes, joined over chunks."""
        parts = self._by_chunk(X, function, n_classes=n_classes)
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        return [check_said("scores", column) for column in columns]

    def _by_chunk(
        self, X: Array, function: Callable[[np.ndarray], T], *, n_classes: int
    ) -> list[T]:
        X = self._checked_samples(X)
        step = max(1, min(CHUNK_ROWS, CHUNK_SCORES // (n_classes * len(self.experts_))))
        with workers(self.threads), device_errors(FREE_SOME):
            return [function(X[low : low + step]) for low in range(0, len(X), step)]

    def _log_p(self, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log p (n, S) of the experts' scores (experts, n, S), and its entropy in nats."""
        v = np.array(self.decision_.seen_weights)
        log_p, entropy = log_softmax_entropy(np.tensordot(v, seen, axes=1))
        return to_host(log_p), to_host(entropy)

    def _supervised(self, X: Array) -> RouteResult:
        self._check_fitted()

        def part(x: np.ndarray) -> tuple[np.ndarray, ...]:
            log_p, entropy = self._log_p(self._scorer.seen_scores(x))
            return log_p.argmax(axis=1), entropy, np.exp(log_p.max(axis=1))

        index, entropy, score = self._over_chunks(X, part, n_classes=len(self.classes_))
        return RouteResult(
            label=self.classes_[index],
            route=np.full(len(index), "SL"),
            entropy=entropy,
            score=score,
            gate=np.ones(len(index)),
        )
