"""What the two PyTorch versions share: arrays as tensors, networks and Adam."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from ..nn.ops import LEAK


def use_threads(threads: int) -> None:
    """PyTorch's threads within an operation."""
    torch.set_num_threads(threads)


def tensor(array: np.ndarray) -> torch.Tensor:
    """The array on the default device: on the CPU itself, not a copy."""
    return torch.from_numpy(np.ascontiguousarray(array)).to(torch.get_default_device())


def network(params: list[np.ndarray], output: type[nn.Module] | None = None) -> nn.Sequential:
    """Linear layers with copies of params, LeakyReLU between them and `output` after the last."""
    layers: list[nn.Module] = []
    for w, b in zip(params[::2], params[1::2], strict=True):
        if layers:
            layers.append(nn.LeakyReLU(LEAK))
        linear = nn.Linear(w.shape[1], w.shape[0])
        linear.weight = nn.Parameter(torch.tensor(w))
        linear.bias = nn.Parameter(torch.tensor(b))
        layers.append(linear)
    return nn.Sequential(*layers, *([output()] if output else []))


def fused_adam(params, lr: float, betas: tuple[float, float]) -> torch.optim.Adam:
    """torch.optim.Adam in one pass."""
    return torch.optim.Adam(params, lr=lr, betas=betas, fused=True)


def copies(*modules: nn.Module) -> list[np.ndarray]:
    """The parameters of the modules as arrays of their own."""
    return [p.detach().cpu().numpy().copy() for module in modules for p in module.parameters()]


class Inputs:
    """Data and draws of a work_cwgan.OuterStep as tensors."""

    def __init__(self, work):
        self.x, self.prototypes = tensor(work.x), tensor(work.prototypes)
        self.rows, self.classes, self.z, self.alpha, *generator = map(tensor, work.draws)
        self.generator_classes, self.generator_z = generator
