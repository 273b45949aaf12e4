"""The paper's router in front of any baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from ..baselines.common.base import Baseline
from ..datasets.array_checks import check_unseen
from ..estimator import EntropySeparationGZSL
from ..proxies import ProxySource
from ..settings import Settings
from ..sklearn_protocol import Parameters


class RoutedResult(NamedTuple):
    """One row a sample: label, route ("SL", "GZSL" or "ZSL"), entropy in nats and the router's gate
    (see tinygzsl.router.RouteResult).
    """

    label: np.ndarray
    route: np.ndarray
    entropy: np.ndarray
    gate: np.ndarray


@dataclass(kw_only=True, eq=False, repr=False)
class RoutedGZSL(Parameters):
    """Gune et al., ACM Multimedia 2020, section 4.4: entropy as a step before other methods.

    The router decides where each sample goes, by eq. 10 or by its soft gate. On the route SL the
    label is that of its supervised classifier, on GZSL the expert's among all classes (its offset
    subtracted from seen ones), on ZSL the expert's among the unseen ones. The soft gate has no
    route GZSL.

    router and expert may be fitted already, on the same classes; fit trains both. strict as the
    expert is.
    """

    router: EntropySeparationGZSL
    expert: Baseline

    def fit(self, X: np.ndarray, y: np.ndarray, seen_prototypes: np.ndarray, **more: Any) -> Self:
        """Train router and expert on seen data: X (n, d), y (n,), seen_prototypes (S, k).

        An expert that isn't strict needs unseen_prototypes=(U, k) as well, which the router never
        gets. Raises as the two do.
        """
        self.router.fit(X, y, seen_prototypes)
        self.expert.fit(X, y, seen_prototypes, **more)
        return self

    @property
    def strict(self) -> bool:
        """Whether no prototype of an unseen class is seen in training."""
        return self.expert.strict

    @property
    def classes_(self) -> np.ndarray:
        """The seen classes (S,). ValueError if router and expert aren't fitted on the same ones."""
        for name, part in (("router", self.router), ("expert", self.expert)):
            if not hasattr(part, "classes_"):
                raise ValueError(f"the {name} is not fitted; fit it, or call fit of RoutedGZSL")
        mine, theirs = self.router.classes_, self.expert.classes_
        if not np.array_equal(mine, theirs):
            raise ValueError(
                f"the router knows {len(mine)} seen classes and the expert {len(theirs)}, which "
                "are not the same; fit both on the same samples"
            )
        return mine

    @property
    def proxy_source_(self) -> ProxySource | None:
        """The router's."""
        return self.router.proxy_source_

    @property
    def routing_(self) -> Settings:
        """The router's settings, with its thresholds in nats."""
        return self.router.routing_

    @property
    def entropy_scale_(self) -> tuple[float, float] | None:
        """The router's, where its thresholds are measured."""
        return self.router.entropy_scale_

    def predict(
        self,
        X: np.ndarray,
        unseen_prototypes: np.ndarray | None = None,
        unseen_classes: np.ndarray | None = None,
    ) -> np.ndarray:
        """Labels (n,) for X (n, d). Without prototypes: the router's classifier of seen classes."""
        if unseen_prototypes is None:
            return self.router.predict(X, None, unseen_classes)
        return self.route(X, unseen_prototypes, unseen_classes).label

    def route(
        self, X: np.ndarray, unseen_prototypes: np.ndarray, unseen_classes: np.ndarray
    ) -> RoutedResult:
        """Label, route, entropy and gate of each row of X (n, d).

        Raises ValueError if the arrays don't fit the models or hold NaN.
        """
        seen, unseen_prototypes = self.classes_, np.asarray(unseen_prototypes)
        k = self.expert._seen_prototypes.shape[1]
        unseen = check_unseen(unseen_prototypes, unseen_classes, k, seen)
        found = self.router.route(X, unseen_prototypes, unseen)
        f = self.expert.calibrated(self.compatibility(X, unseen_prototypes))
        everywhere = np.concatenate([seen, unseen])[f.argmax(axis=1)]
        zero_shot = unseen[f[:, len(seen) :].argmax(axis=1)]
        label = np.where(found.route == "ZSL", zero_shot, everywhere)
        label = np.where(found.route == "SL", found.label, label)
        return RoutedResult(label, found.route, found.entropy, found.gate)

    def compatibility(self, X: np.ndarray, unseen_prototypes: np.ndarray) -> np.ndarray:
        """The expert's scores (n, S + U), without its offset."""
        return self.expert.decision_function(X, unseen_prototypes)

    def entropy(self, X: np.ndarray) -> np.ndarray:
        """The router's entropy (n,), nats."""
        return self.router.entropy(X)

    def sample_proxies(self, count: int) -> np.ndarray:
        """count proxies (count, d) of the router."""
        return self.router.sample_proxies(count)
