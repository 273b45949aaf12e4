"""The kernels' definitions in plain NumPy code; every faster version is compared with them.

All functions take NumPy or CuPy arrays and keep their dtype. Entropies are in nats.
"""

from .activation import activation_gradient, bias_activation
from .adam import adam_update
from .confidence import confidence_score
from .critic import critic_epilogue, gradient_penalty, penalty_epilogue
from .distance import centered_rows, negative_distances
from .hinge import entropy_hinge
from .philox import (
    normal_from,
    philox4x32,
    philox_integers,
    philox_normal,
    philox_uniform,
    philox_words,
    uniform_from,
)
from .router import learned_route_rows, route_codes, route_rows, soft_route_rows
from .rows import gather_rows, segment_sum
from .scale import scale_rows
from .softmax import (
    log_softmax_entropy,
    softmax_loss,
    softmax_loss_backward,
    softmax_loss_forward,
)
from .squared import squared_error

__all__ = [
    "activation_gradient",
    "adam_update",
    "bias_activation",
    "centered_rows",
    "confidence_score",
    "critic_epilogue",
    "entropy_hinge",
    "gather_rows",
    "gradient_penalty",
    "learned_route_rows",
    "log_softmax_entropy",
    "negative_distances",
    "normal_from",
    "penalty_epilogue",
    "philox4x32",
    "philox_integers",
    "philox_normal",
    "philox_uniform",
    "philox_words",
    "route_codes",
    "route_rows",
    "scale_rows",
    "segment_sum",
    "soft_route_rows",
    "softmax_loss",
    "softmax_loss_backward",
    "softmax_loss_forward",
    "squared_error",
    "uniform_from",
]
