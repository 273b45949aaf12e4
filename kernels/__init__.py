"""The kernels by name; call them from here.

reference/ defines each one, cpu/ compiles it with Numba, cuda/ runs it on a GPU: the same name in a
file of the same name. dispatch.py picks the version that suits the arrays.
"""

from . import reference
from .dispatch import dispatched, is_reference_only, reference_only

__all__ = ["is_reference_only", "reference_only"]

adam_update = dispatched(reference.adam_update)
bias_activation = dispatched(reference.bias_activation)
activation_gradient = dispatched(reference.activation_gradient)
critic_epilogue = dispatched(reference.critic_epilogue)
penalty_epilogue = dispatched(reference.penalty_epilogue)
gradient_penalty = dispatched(reference.gradient_penalty)
philox_words = dispatched(reference.philox_words)
philox_integers = dispatched(reference.philox_integers)
philox_uniform = dispatched(reference.philox_uniform)
philox_normal = dispatched(reference.philox_normal)
log_softmax_entropy = dispatched(reference.log_softmax_entropy)
softmax_loss_forward = dispatched(reference.softmax_loss_forward)
softmax_loss_backward = dispatched(reference.softmax_loss_backward)
softmax_loss = dispatched(reference.softmax_loss)
entropy_hinge = dispatched(reference.entropy_hinge)
squared_error = dispatched(reference.squared_error)
confidence_score = dispatched(reference.confidence_score)
route_rows = dispatched(reference.route_rows)
soft_route_rows = dispatched(reference.soft_route_rows)
gather_rows = dispatched(reference.gather_rows)
segment_sum = dispatched(reference.segment_sum)
scale_rows = dispatched(reference.scale_rows)
centered_rows = dispatched(reference.centered_rows)
negative_distances = dispatched(reference.negative_distances)
