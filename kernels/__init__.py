"""The kernels by name; call them from here.

A kernel has the same name, in a file of the same name, in three folders: reference/ defines it,
cpu/ compiles it with Numba, cuda/ runs it on a GPU. dispatch.py chooses the version by the arrays.
"""

from . import reference
from .dispatch import dispatched, is_reference_only, reference_only

__all__ = ["is_reference_only", "reference_only"]

# Random numbers
philox_words = dispatched(reference.philox_words)
philox_integers = dispatched(reference.philox_integers)
philox_uniform = dispatched(reference.philox_uniform)
philox_normal = dispatched(reference.philox_normal)

# Rows of batches and of scalers
gather_rows = dispatched(reference.gather_rows)
segment_sum = dispatched(reference.segment_sum)
scale_rows = dispatched(reference.scale_rows)

# A step of training
bias_activation = dispatched(reference.bias_activation)
activation_gradient = dispatched(reference.activation_gradient)
adam_update = dispatched(reference.adam_update)

# The critic of the CWGAN (eq. 6)
critic_epilogue = dispatched(reference.critic_epilogue)
gradient_penalty = dispatched(reference.gradient_penalty)
penalty_epilogue = dispatched(reference.penalty_epilogue)

# Losses and the confidence score (eqs. 3-5, 7 and 8)
squared_error = dispatched(reference.squared_error)
log_softmax_entropy = dispatched(reference.log_softmax_entropy)
softmax_loss_forward = dispatched(reference.softmax_loss_forward)
softmax_loss_backward = dispatched(reference.softmax_loss_backward)
softmax_loss = dispatched(reference.softmax_loss)
entropy_hinge = dispatched(reference.entropy_hinge)
confidence_score = dispatched(reference.confidence_score)

# Prediction (eqs. 1, 2 and 10)
centered_rows = dispatched(reference.centered_rows)
negative_distances = dispatched(reference.negative_distances)
route_rows = dispatched(reference.route_rows)
soft_route_rows = dispatched(reference.soft_route_rows)
learned_route_rows = dispatched(reference.learned_route_rows)
