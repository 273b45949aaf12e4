"""The work in idiomatic PyTorch: modules, autograd (double backward), fused Adam, eager mode.

torch.compile doesn't support a double backward, so there is no compiled version.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .torch_common import Inputs, copies, fused_adam, network, tensor, use_threads
from .torch_route import Route

__all__ = ["RUNNERS", "use_threads"]


class CriticStep:
    """One step of the critic with given fakes."""

    def __init__(self, work):
        self.data, settings = Inputs(work), work.settings
        self.fake = tensor(work.fake) if hasattr(work, "fake") else None
        self.critic, self.penalty = network(work.critic), settings.gan_penalty
        betas = (settings.gan_beta1, settings.gan_beta2)
        self.adam = fused_adam(self.critic.parameters(), lr=settings.gan_lr, betas=betas)

    def run(self) -> None:
        data = self.data
        self.step(data.x[data.rows[0]], self.fake, data.prototypes[data.classes[0]], data.alpha[0])

    def step(self, x, fake, a, alpha) -> None:
        """Update the critic by eq. 6, by autograd."""
        critic = self.critic
        loss = critic(torch.cat([fake, a], 1)).mean() - critic(torch.cat([x, a], 1)).mean()
        mixed = (alpha * x + (1 - alpha) * fake).requires_grad_()
        score = critic(torch.cat([mixed, a], 1)).sum()
        (g,) = torch.autograd.grad(score, mixed, create_graph=True)
        loss = loss + self.penalty * ((g.norm(2, dim=1) - 1) ** 2).mean()
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()

    def result(self) -> list[np.ndarray]:
        return copies(self.critic)


class OuterStep(CriticStep):
    """All critic steps and one generator step, in which the critic is frozen."""

    def __init__(self, work):
        super().__init__(work)
        settings = work.settings
        self.generator = network(work.generator, nn.ReLU)
        betas = (settings.gan_beta1, settings.gan_beta2)
        self.generator_adam = fused_adam(
            self.generator.parameters(), lr=settings.gan_lr, betas=betas
        )

    def run(self) -> None:
        data = self.data
        for rows, classes, z, alpha in zip(
            data.rows, data.classes, data.z, data.alpha, strict=True
        ):
            a = data.prototypes[classes]
            with torch.no_grad():
                fake = self.generator(torch.cat([z, a], 1))
            self.step(data.x[rows], fake, a, alpha)
        self.critic.requires_grad_(False)
        a = data.prototypes[data.generator_classes]
        fake = self.generator(torch.cat([data.generator_z, a], 1))
        loss = -self.critic(torch.cat([fake, a], 1)).mean()
        self.generator_adam.zero_grad()
        loss.backward()
        self.generator_adam.step()
        self.critic.requires_grad_(True)

    def result(self) -> list[np.ndarray]:
        return copies(self.generator, self.critic)


class VsmmStep:
    """Eq. 9 by autograd."""

    def __init__(self, work):
        self.settings = settings = work.settings
        self.x, self.y, self.proxies = map(tensor, (work.x, work.y, work.proxies))
        self.rows, self.proxy_rows = tensor(work.rows), tensor(work.proxy_rows)
        self.prototypes = tensor(work.prototypes)
        pairs = zip(work.start[::2], work.start[1::2], strict=True)
        self.networks = nn.ModuleList([network(list(pair)) for pair in pairs])
        betas = (settings.vsmm_beta1, settings.vsmm_beta2)
        self.adam = fused_adam(self.networks.parameters(), lr=settings.vsmm_lr, betas=betas)

    def run(self) -> None:
        f_v, g, f_s, c = self.networks
        x, y = self.x[self.rows], self.y[self.rows]
        latent = f_v(torch.cat([x, self.proxies[self.proxy_rows]]))
        logits, n = c(latent), len(x)
        log_p = F.log_softmax(logits, 1)
        entropy = -(log_p.exp() * log_p).sum(1)
        loss = F.mse_loss(g(latent[:n]), x) + F.mse_loss(latent[:n], f_s(self.prototypes[y]))
        loss = loss + F.nll_loss(log_p[:n], y)
        loss = loss + F.relu(entropy[:n].mean() - entropy[n:].mean() + self.settings.vsmm_gamma)
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()

    def result(self) -> list[np.ndarray]:
        return copies(self.networks)


class Softmax:
    """Both losses of a row and their gradient by autograd."""

    def __init__(self, work):
        self.logits = tensor(work.logits).requires_grad_()
        self.y, self.dce, self.dentropy = map(tensor, (work.y, work.dce, work.dentropy))

    def run(self) -> None:
        self.logits.grad = None
        log_p = F.log_softmax(self.logits, 1)
        self.ce = F.nll_loss(log_p, self.y, reduction="none")
        self.entropy = -(log_p.exp() * log_p).sum(1)
        (self.dce @ self.ce + self.dentropy @ self.entropy).backward()

    def result(self) -> list[np.ndarray]:
        return [t.detach().cpu().numpy() for t in (self.ce, self.entropy, self.logits.grad)]


class AdamUpdate:
    """torch.optim.Adam(fused=True) with a fixed gradient."""

    def __init__(self, work):
        self.p = nn.Parameter(torch.tensor(work.p))
        self.p.grad = tensor(work.g)
        self.adam = fused_adam([self.p], lr=work.lr, betas=work.betas)

    def run(self) -> None:
        self.adam.step()

    def result(self) -> list[np.ndarray]:
        return [self.p.detach().cpu().numpy().copy()]


RUNNERS = {
    "critic": CriticStep,
    "outer": OuterStep,
    "vsmm": VsmmStep,
    "softmax": Softmax,
    "adam": AdamUpdate,
    "route": Route,
}
