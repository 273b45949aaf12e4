"""scikit-learn's estimator interface for a dataclass whose fields are the parameters."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

from .text import nearest, quoted


@dataclass(kw_only=True, eq=False, repr=False)
class Parameters:
    """Mixin with get_params, set_params and a repr of the parameters that aren't defaults."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor parameters by name; `deep` has no effect."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def set_params(self, **params: Any) -> Self:
        """Set constructor parameters and return self; ValueError for an unknown name."""
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise ValueError(
                    f"{type(self).__name__} has no parameter {quoted(name)}; "
                    f"{nearest(name, known, lists_all='get_params()')}"
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        changed = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if getattr(self, f.name) != f.default
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
        )
