"""The paper's router in front of a baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from ..baselines.common.base import Baseline, whole_or_not_at_all
from ..baselines.methods import from_state as expert_from_state
from ..datasets.labelled_rows import table_with_classes
from ..errors import InputError
from ..estimator import EntropySeparationGZSL
from ..proxies import ProxySource
from ..runtime.backend import on_host
from ..runtime.labels import check_labels
from ..settings import Settings
from ..sklearn_protocol import Parameters
from ..storage.arrays_file import FORMAT, State, part_of, put_together, write_model
from .loadable import check_loadable

KIND = "routed"  # of its files


class RoutedResult(NamedTuple):
    """One entry per sample: label, route ("SL", "GZSL" or "ZSL"), entropy in nats and gate.

    Entropy and gate are those of the router; see tinygzsl.router.RouteResult.
    """

    label: np.ndarray
    route: np.ndarray
    entropy: np.ndarray
    gate: np.ndarray


@dataclass(kw_only=True, eq=False, repr=False)
class RoutedGZSL(Parameters):
    """Gune et al., ACM Multimedia 2020, section 4.4: entropy as a step before other methods.

    The router chooses a route for each sample, by eq. 10, or by its soft or its learned gate. The
    label is that of the router's supervised classifier (SL), the expert's among all classes, with
    its offset subtracted from seen ones (GZSL), or the expert's among the unseen ones (ZSL). Only
    eq. 10 has the route GZSL.

    Parameters
    ----------
    router : EntropySeparationGZSL
        Chooses the routes. It may be fitted already.
    expert : Baseline
        Labels the samples of the routes GZSL and ZSL. It may be fitted already, on the same classes
        as the router.
    """

    router: EntropySeparationGZSL
    expert: Baseline

    def fit(self, X: np.ndarray, y: np.ndarray, seen_prototypes: np.ndarray, **more: Any) -> Self:
        """Train router and expert on seen data. If either fails, both stay as they were.

        Parameters
        ----------
        X : array_like of shape (n, d)
            Features.
        y : array_like of shape (n,)
            Labels.
        seen_prototypes : array_like of shape (S, k), data frame or dict by class
        unseen_prototypes : array_like of shape (U, k)
            For an expert that isn't strict only; the router doesn't get them.

        Returns
        -------
        self

        Raises
        ------
        ValueError, FloatingPointError
            As fit of the router and of the expert.
        """
        with whole_or_not_at_all(self.router):
            self.router.fit(X, y, seen_prototypes)
            self.expert.fit(X, y, seen_prototypes, **more)
        return self

    @property
    def strict(self) -> bool:
        """Whether the expert's training uses no prototypes of unseen classes."""
        return self.expert.strict

    @property
    def classes_(self) -> np.ndarray:
        """The seen classes (S,); ValueError unless router and expert are fitted on the same."""
        for name, part in (("router", self.router), ("expert", self.expert)):
            if not hasattr(part, "classes_"):
                raise InputError(f"the {name} is not fitted; fit it, or call fit of RoutedGZSL")
        mine, theirs = self.router.classes_, self.expert.classes_
        if not np.array_equal(mine, theirs):
            raise InputError(
                f"the router knows {len(mine)} seen classes and the expert {len(theirs)}, which "
                "are not the same; fit both on the same samples"
            )
        return mine

    @property
    def proxy_source_(self) -> ProxySource | None:
        """The source of the router's proxies, None if it was trained without a GAN."""
        return self.router.proxy_source_

    @property
    def routing_(self) -> Settings:
        """The router's settings, with its thresholds in nats."""
        return self.router.routing_

    @property
    def entropy_scale_(self) -> tuple[float, float] | None:
        """The router's median entropies in nats, if its thresholds are measured; else None."""
        return self.router.entropy_scale_

    @property
    def feature_names_in_(self) -> np.ndarray:
        """The names of the features (d,) of the router; AttributeError if its fit got none."""
        return self.router.feature_names_in_

    @property
    def attribute_names_in_(self) -> np.ndarray | dict[str, np.ndarray]:
        """The names of the attributes (k,) of the router; AttributeError if its fit got none."""
        return self.router.attribute_names_in_

    def score(self, X: np.ndarray, y: np.ndarray) -> float:
        """Return the accuracy (0 to 1) of `predict` without unseen prototypes on X (n, d), y (n,).

        This is the accuracy of the router's classifier among the seen classes.
        """
        return self.router.score(X, y)

    def save(self, path: Any) -> None:
        """Write router and expert to one file, for `tinygzsl.load_model`; see Baseline.save.

        If the expert is not strict, the file holds the unseen prototypes that it was trained with.
        """
        state = self.state()
        write_model(path, State(state.header, on_host(state.arrays)))

    def state(self) -> State:
        """Return the states of router and expert as one.

        Raises ValueError unless both are fitted, and load_model knows their classes.
        """
        _ = self.classes_  # both are fitted, on the same classes
        check_loadable("the router", self.router)
        check_loadable("the expert", self.expert)
        header = {"kind": KIND, "format": FORMAT, "strict": self.strict}
        return put_together(header, router=self.router.state(), expert=self.expert.state())

    @classmethod
    def from_state(cls, state: State, device: str | None = None) -> Self:
        """Return the model that `state` described, its router on this device or on its own.

        Raises one of storage.arrays_file.DAMAGED if a part is missing or doesn't fit.
        """
        router = EntropySeparationGZSL.from_state(part_of(state, "router"), device)
        model = cls(router=router, expert=expert_from_state(part_of(state, "expert")))
        _ = model.classes_  # ValueError unless they are of the same classes
        return model

    def predict(
        self,
        X: np.ndarray,
        unseen_prototypes: np.ndarray | None = None,
        unseen_classes: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return labels (n,) for X (n, d); without prototypes those of the router's classifier."""
        return self.route(X, unseen_prototypes, unseen_classes).label

    def route(
        self,
        X: np.ndarray,
        unseen_prototypes: np.ndarray | None = None,
        unseen_classes: np.ndarray | None = None,
    ) -> RoutedResult:
        """Return label, route, entropy and gate of each sample.

        Parameters
        ----------
        X : array_like of shape (n, d)
            Features.
        unseen_prototypes : array_like of shape (U, k), optional
            Without them every sample takes the route SL.
        unseen_classes : array_like of shape (U,), optional

        Returns
        -------
        RoutedResult

        Raises
        ------
        ValueError
            If the arrays don't fit the models or hold NaN.
        """
        if unseen_prototypes is None:
            found = self.router.route(X, None, unseen_classes)
            return RoutedResult(found.label, found.route, found.entropy, found.gate)
        table, classes = table_with_classes(unseen_prototypes, unseen_classes)
        found = self.router.route(X, table.bare, classes)  # it checks the arrays
        seen = self.classes_
        f = self.expert.calibrated(self.compatibility(X, table.bare))
        unseen = check_labels("unseen_classes", classes, rows=f.shape[1] - len(seen))
        everywhere = np.concatenate([seen, unseen])[f.argmax(axis=1)]
        zero_shot = unseen[f[:, len(seen) :].argmax(axis=1)]
        label = np.where(found.route == "ZSL", zero_shot, everywhere)
        label = np.where(found.route == "SL", found.label, label)
        return RoutedResult(label, found.route, found.entropy, found.gate)

    def compatibility(self, X: np.ndarray, unseen_prototypes: np.ndarray) -> np.ndarray:
        """Return the expert's scores (n, S + U), without its offset."""
        return self.expert.decision_function(X, unseen_prototypes)

    def entropy(self, X: np.ndarray) -> np.ndarray:
        """Return the router's entropies (n,) in nats."""
        return self.router.entropy(X)

    def sample_proxies(self, count: int) -> np.ndarray:
        """Return count proxies (count, d) of the router."""
        return self.router.sample_proxies(count)
