"""The kernels by name. reference.py defines each one; the files beside it hold faster versions.

Call them from here: dispatch.py picks the version that suits the arrays. The first file named is
Numba's, the second CUDA's.
"""

from . import reference
from .dispatch import dispatched, is_reference_only, reference_only

__all__ = ["is_reference_only", "reference_only"]

adam_update = dispatched("adam", "cuda_steps")(reference.adam_update)
bias_activation = dispatched("activation", "cuda_steps")(reference.bias_activation)
activation_gradient = dispatched("activation", "cuda_steps")(reference.activation_gradient)
critic_epilogue = dispatched("critic", "cuda_steps")(reference.critic_epilogue)
penalty_epilogue = dispatched("critic", "cuda_steps")(reference.penalty_epilogue)
gradient_penalty = dispatched("critic", "cuda_steps")(reference.gradient_penalty)
philox_words = dispatched("philox", "cuda_rows")(reference.philox_words)
philox_integers = dispatched("philox", "cuda_rows")(reference.philox_integers)
philox_uniform = dispatched("philox", "cuda_rows")(reference.philox_uniform)
philox_normal = dispatched("philox", "cuda_rows")(reference.philox_normal)
log_softmax_entropy = dispatched("softmax", "cuda_softmax")(reference.log_softmax_entropy)
softmax_loss_forward = dispatched("softmax", "cuda_softmax")(reference.softmax_loss_forward)
softmax_loss_backward = dispatched("softmax", "cuda_softmax")(reference.softmax_loss_backward)
softmax_loss = dispatched("softmax", "cuda_softmax")(reference.softmax_loss)
entropy_hinge = dispatched("hinge", "cuda_steps")(reference.entropy_hinge)
squared_error = dispatched("squared", "cuda_steps")(reference.squared_error)
confidence_score = dispatched("confidence", "cuda_softmax")(reference.confidence_score)
route_rows = dispatched("router", "cuda_softmax")(reference.route_rows)
soft_route_rows = dispatched("router", "cuda_softmax")(reference.soft_route_rows)
gather_rows = dispatched("rows", "cuda_rows")(reference.gather_rows)
segment_sum = dispatched("rows", "cuda_rows")(reference.segment_sum)
scale_rows = dispatched("scale", "cuda_rows")(reference.scale_rows)
centered_rows = dispatched("distance", "cuda_rows")(reference.centered_rows)
negative_distances = dispatched("distance", "cuda_rows")(reference.negative_distances)
