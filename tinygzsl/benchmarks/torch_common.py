"""Code of both PyTorch versions: arrays as tensors, networks and Adam."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from ..nn.ops import LEAK


def use_threads(threads: int) -> None:
    """Set PyTorch's number of threads within an operation."""
    torch.set_num_threads(threads)


def tensor(array: np.ndarray) -> torch.Tensor:
    """Return the array as a tensor on the default device; on the CPU it isn't copied."""
    return torch.from_numpy(np.ascontiguousarray(array)).to(torch.get_default_device())


def network(params: list[np.ndarray], output: type[nn.Module] | None = None) -> nn.Sequential:
    """Return linear layers with copies of params, LeakyReLU between, and `output` at the end."""
    layers: list[nn.Module] = []
    for w, b in zip(params[::2], params[1::2], strict=True):
        if layers:
            layers.append(nn.LeakyReLU(LEAK))
        linear = nn.Linear(w.shape[1], w.shape[0])
        linear.weight = nn.Parameter(torch.tensor(w))
        linear.bias = nn.Parameter(torch.tensor(b))
        layers.append(linear)
    return nn.Sequential(*layers, *([output()] if output else []))


def fused_adam(params, *, lr: float, betas: tuple[float, float]) -> torch.optim.Adam:
    """Return torch.optim.Adam(fused=True)."""
    return torch.optim.Adam(params, lr=lr, betas=betas, fused=True)


def copies(*modules: nn.Module) -> list[np.ndarray]:
    """Return copies of the modules' parameters as arrays."""
    return [p.detach().cpu().numpy().copy() for module in modules for p in module.parameters()]


class Inputs:
    """The data and the random draws of a work_cwgan.OuterStep as tensors."""

    def __init__(self, work):
        self.x, self.prototypes = tensor(work.x), tensor(work.prototypes)
        self.rows, self.classes, self.z, self.alpha, *generator = map(tensor, work.draws)
        self.generator_classes, self.generator_z = generator
