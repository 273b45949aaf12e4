"""The values that the search tries. Settings fixed by the user keep their value."""

from __future__ import annotations

from ..settings import Settings

SCALERS = (("minmax", "relu"), ("standard", "linear"))  # each with a suitable generator output
EPOCHS = (1.0, 1.2, 0.8, 1.6, 0.6, 0.4, 0.2)  # factors of the preset's value
SEPARATIONS = ((1.0, 1.0), (3.0, 1.0))  # gamma in nats, weight of L_ES


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

    def epochs(self) -> list[int]:
        """Epochs of the VSMM."""
        n = self.start.vsmm_epochs
        if "vsmm_epochs" in self.given:
            return [n]
        return list(dict.fromkeys(max(1, round(times * n)) for times in EPOCHS))

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
        """Return the names of searched settings whose chosen value is the least or greatest one."""
        epochs = self.epochs()
        at_edge = len(epochs) > 1 and chosen.vsmm_epochs in (min(epochs), max(epochs))
        return ["vsmm_epochs"] * at_edge
