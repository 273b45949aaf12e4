"""The values that the search tries. Settings fixed by the user keep their value."""

from __future__ import annotations

from collections.abc import Sequence

from ..settings import Settings

SCALERS = (("minmax", "relu"), ("standard", "linear"))  # each with a suitable generator output
RATES = (1.0, 0.5, 2.0)  # factors of the preset's value
EPOCHS = (1.0, 1.2, 0.8, 1.6, 0.6, 2.0, 0.4, 0.2)  # factors of the preset's value
METRICS = ("euclidean", "cosine", "dot")
# Windows of the relative CS. Above 0.7 the CWGAN takes several times as long, and no window there
# gave an H that was higher by more than noise, on folds of 100 classes of CUB and of the letters.
WINDOWS = ((0.25, 0.4), (0.4, 0.55), (0.55, 0.7))
SEPARATIONS = ((1.0, 1.0), (3.0, 1.0), (3.0, 0.3))  # gamma in nats, weight of L_ES


class Space:
    """The values of each stage, in order of preference; the first are those of `start`.

    Settings in `given` are fixed.
    """

    def __init__(self, start: Settings, given: frozenset[str]):
        self.start, self.given = start, given

    def scalings(self) -> list[dict[str, str]]:
        """Scalers of the features, each with the generator's output."""
        first = (self.start.scale_features, self.start.gan_output)
        pairs = [first]
        if not {"scale_features", "gan_output"} & self.given:
            pairs += [pair for pair in SCALERS if pair[0] != first[0]]
        return [{"scale_features": kind, "gan_output": output} for kind, output in pairs]

    def rates(self) -> list[float]:
        """Learning rates of the VSMM."""
        rate = self.start.vsmm_lr
        return [rate] if "vsmm_lr" in self.given else [times * rate for times in RATES]

    def epochs(self) -> list[int]:
        """Epochs of the VSMM."""
        n = self.start.vsmm_epochs
        if "vsmm_epochs" in self.given:
            return [n]
        return list(dict.fromkeys(max(1, round(times * n)) for times in EPOCHS))

    def metrics(self) -> list[str]:
        """F of eqs. 1 and 2."""
        first = self.start.router_metric
        if "router_metric" in self.given:
            return [first]
        return [first, *(metric for metric in METRICS if metric != first)]

    def windows(self) -> list[tuple[float, float]]:
        """Windows s_l < CS < s_h; none if the user has turned proxies off."""
        if self.start.vsmm_weight_es == 0:
            return []
        if {"cs_low", "cs_high", "cs_unit"} & self.given or self.start.cs_unit == "absolute":
            return [(self.start.cs_low, self.start.cs_high)]
        return list(dict.fromkeys([(self.start.cs_low, self.start.cs_high), *WINDOWS]))

    def separations(self) -> list[tuple[float, float]]:
        """Margin and weight of L_ES (eq. 8)."""
        own = (self.start.vsmm_gamma, self.start.vsmm_weight_es)
        fixed = {name: getattr(self.start, name) for name in self.given}
        pairs = (
            (fixed.get("vsmm_gamma", gamma), fixed.get("vsmm_weight_es", weight))
            for gamma, weight in (own, *SEPARATIONS)
        )
        return list(dict.fromkeys(pairs))

    def edges(self, chosen: Settings) -> list[str]:
        """Return the names of searched settings whose chosen value is the least or greatest tried.

        For windows only the least counts, as the greatest is a limit of cost.
        """
        grids: dict[str, Sequence[float]] = {"vsmm_lr": self.rates(), "vsmm_epochs": self.epochs()}
        names = [
            name
            for name, grid in grids.items()
            if len(grid) > 1 and getattr(chosen, name) in (min(grid), max(grid))
        ]
        windows = self.windows() if chosen.vsmm_weight_es > 0 else []
        if len(windows) > 1:
            names += ["cs_low"] * (chosen.cs_low == min(low for low, _ in windows))
        return names
