"""What scikit-learn asks of an estimator that is a dataclass of its parameters."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Self


class Parameters:
    """Constructor parameters to get, set and show."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Constructor parameters by name, as scikit-learn asks for them."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def set_params(self, **params: Any) -> Self:
        """Set constructor parameters; ValueError for a name there is none of."""
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise ValueError(f"there is no parameter {name!r}; see get_params()")
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
