"""The kernels by name. reference.py defines each one; the files beside it hold faster versions.

Call them from here: dispatch.py picks the version that suits the arrays.
"""

from . import reference
from .dispatch import dispatched, is_reference_only, reference_only

__all__ = ["is_reference_only", "reference_only"]

adam_update = dispatched("adam")(reference.adam_update)
bias_activation = dispatched("activation")(reference.bias_activation)
activation_gradient = dispatched("activation")(reference.activation_gradient)
critic_epilogue = dispatched("critic")(reference.critic_epilogue)
penalty_epilogue = dispatched("critic")(reference.penalty_epilogue)
gradient_penalty = dispatched("critic")(reference.gradient_penalty)
philox_words = dispatched("philox")(reference.philox_words)
philox_uniform = dispatched("philox")(reference.philox_uniform)
philox_normal = dispatched("philox")(reference.philox_normal)
log_softmax_entropy = dispatched("softmax")(reference.log_softmax_entropy)
softmax_loss_forward = dispatched("softmax")(reference.softmax_loss_forward)
softmax_loss_backward = dispatched("softmax")(reference.softmax_loss_backward)
softmax_loss = dispatched("softmax")(reference.softmax_loss)
entropy_hinge = dispatched("hinge")(reference.entropy_hinge)
squared_error = dispatched("squared")(reference.squared_error)
confidence_score = dispatched("confidence")(reference.confidence_score)
route_rows = dispatched("router")(reference.route_rows)
gather_rows = dispatched("rows")(reference.gather_rows)
segment_sum = dispatched("rows")(reference.segment_sum)
scale_rows = dispatched("scale")(reference.scale_rows)
centered_rows = dispatched("distance")(reference.centered_rows)
negative_distances = dispatched("distance")(reference.negative_distances)
