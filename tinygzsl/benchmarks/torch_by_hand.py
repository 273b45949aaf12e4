"""The work in PyTorch with this library's algebra and gradients, so that only the kernels differ.

See tinygzsl/critic.py for the algebra. No graph is built; Adam is PyTorch's fused version.
"""

from __future__ import annotations

import numpy as np
import torch

from ..nn.ops import LEAK
from .torch_common import Inputs, fused_adam, tensor, use_threads

__all__ = ["RUNNERS", "use_threads"]


def slopes(s: torch.Tensor) -> torch.Tensor:
    """Return phi'(s) of LeakyReLU."""
    return torch.where(s > 0, s.new_tensor(1), s.new_tensor(LEAK))


def owned(params: list[np.ndarray]) -> list[torch.Tensor]:
    """Return copies of params with allocated gradients."""
    tensors = [torch.tensor(p) for p in params]
    for t in tensors:
        t.grad = torch.zeros_like(t)
    return tensors


class CriticStep:
    """One step of the critic with given fakes."""

    def __init__(self, work):
        self.data, settings = Inputs(work), work.settings
        self.fake = tensor(work.fake) if hasattr(work, "fake") else None
        self.params, self.penalty = owned(work.critic), settings.gan_penalty
        self.adam = fused_adam(
            self.params, lr=settings.gan_lr, betas=(settings.gan_beta1, settings.gan_beta2)
        )
        n, d, h = settings.gan_batch, work.x.shape[1], work.critic[0].shape[0]
        like = {"dtype": self.params[0].dtype}
        self.stacked, self.delta = torch.empty(3 * n, d, **like), torch.empty(3 * n, h, **like)

    @torch.no_grad()
    def run(self) -> None:
        self.step(0, self.fake)

    def step(self, i: int, fake: torch.Tensor) -> None:
        """Take step i with the fakes (n, d), inside no_grad."""
        data, x, delta = self.data, self.stacked, self.delta
        n, d = fake.shape
        w, b, w_out, _ = self.params
        w_x, alpha, classes = w[:, :d], data.alpha[i], data.classes[i]
        x[:n] = fake
        torch.index_select(data.x, 0, data.rows[i], out=x[n : 2 * n])
        table = torch.addmm(b, data.prototypes, w[:, d:].T)
        both = torch.cat([classes, classes])
        s = x[: 2 * n] @ w_x.T + table[both]
        of_fake, of_real = slopes(s[:n]), slopes(s[n:])
        of_mixed = slopes(alpha * s[n:] + (1 - alpha) * s[:n])
        torch.mul(of_fake, w_out / n, out=delta[:n])
        torch.mul(of_real, -w_out / n, out=delta[n : 2 * n])
        torch.mul(of_mixed, w_out, out=delta[2 * n :])
        g = delta[2 * n :] @ w_x
        torch.mul(g, 2 * self.penalty / n * (1 - 1 / g.norm(dim=1, keepdim=True)), out=x[2 * n :])
        t = x[2 * n :] @ w_x.T
        dw, db, dw_out, _ = (p.grad for p in self.params)
        dw_out[0] = (s[:n] * of_fake - s[n:] * of_real).sum(0) / n + (t * of_mixed).sum(0)
        torch.mm(delta.T, x, out=dw[:, :d])
        by_class = torch.zeros_like(table).index_add_(0, both, delta[: 2 * n])
        torch.mm(by_class.T, data.prototypes, out=dw[:, d:])
        torch.sum(by_class, 0, out=db)
        self.adam.step()

    def result(self) -> list[np.ndarray]:
        return [p.numpy().copy() for p in self.params]


class OuterStep(CriticStep):
    """All critic steps and one generator step; all fakes come from one forward pass."""

    def __init__(self, work):
        super().__init__(work)
        settings = work.settings
        self.generator = owned(work.generator)
        betas = (settings.gan_beta1, settings.gan_beta2)
        self.generator_adam = fused_adam(self.generator, lr=settings.gan_lr, betas=betas)

    def forward(self, h: torch.Tensor) -> list[torch.Tensor]:
        """Return the inputs of all layers of the generator, and its output."""
        weights = list(zip(self.generator[::2], self.generator[1::2], strict=True))
        values = [h]
        for i, (w, b) in enumerate(weights):
            s = torch.addmm(b, values[-1], w.T)
            last = i == len(weights) - 1
            values.append(s.relu_() if last else torch.nn.functional.leaky_relu_(s, LEAK))
        return values

    @torch.no_grad()
    def run(self) -> None:
        data = self.data
        z = torch.cat([data.z, data.prototypes[data.classes]], 2)
        fakes = self.forward(z.flatten(0, 1))[-1]
        for i, fake in enumerate(fakes.split(z.shape[1])):
            self.step(i, fake)
        a = data.prototypes[data.generator_classes]
        values = self.forward(torch.cat([data.generator_z, a], 1))
        n, d = values[-1].shape
        w, b, w_out, _ = self.params
        table = torch.addmm(b, data.prototypes, w[:, d:].T)
        s = values[-1] @ w[:, :d].T + table[data.generator_classes]
        dy = (slopes(s) * (-w_out / n)) @ w[:, :d] * (values[-1] > 0)
        for i in reversed(range(len(values) - 1)):
            weight, bias = self.generator[2 * i : 2 * i + 2]
            torch.mm(dy.T, values[i], out=weight.grad)
            torch.sum(dy, 0, out=bias.grad)
            if i:
                dy = dy @ weight * slopes(values[i])
        self.generator_adam.step()

    def result(self) -> list[np.ndarray]:
        return [p.numpy().copy() for p in [*self.generator, *self.params]]


class VsmmStep:
    """Eq. 9 with the gradients of tinygzsl/vsmm.py."""

    def __init__(self, work):
        self.settings = settings = work.settings
        self.x, self.y, self.proxies = map(tensor, (work.x, work.y, work.proxies))
        self.rows, self.proxy_rows = tensor(work.rows), tensor(work.proxy_rows)
        self.prototypes = tensor(work.prototypes)
        self.params = owned(work.start)
        betas = (settings.vsmm_beta1, settings.vsmm_beta2)
        self.adam = fused_adam(self.params, lr=settings.vsmm_lr, betas=betas)

    @torch.no_grad()
    def run(self) -> None:
        w_v, b_v, w_g, b_g, w_s, b_s, w_c, b_c = self.params
        x, y = self.x[self.rows], self.y[self.rows]
        a, n = self.prototypes[y], len(x)
        stacked = torch.cat([x, self.proxies[self.proxy_rows]])
        latent = torch.addmm(b_v, stacked, w_v.T)
        dlogits = self.dlogits(torch.addmm(b_c, latent, w_c.T), y)
        ddecoded = torch.addmm(b_g, latent[:n], w_g.T).sub_(x).mul_(2 / x.numel())
        dlatent = dlogits @ w_c
        dsemantic = (torch.addmm(b_s, a, w_s.T) - latent[:n]).mul_(2 / latent[:n].numel())
        dlatent[:n] += ddecoded @ w_g - dsemantic
        pairs = [(dlatent, stacked), (ddecoded, latent[:n]), (dsemantic, a), (dlogits, latent)]
        for i, (dy, inputs) in enumerate(pairs):
            torch.mm(dy.T, inputs, out=self.params[2 * i].grad)
            torch.sum(dy, 0, out=self.params[2 * i + 1].grad)
        self.adam.step()

    def dlogits(self, logits, y):
        """Return the gradient of the mean cross-entropy of the first len(y) rows plus eq. 8."""
        n = len(y)
        log_p = torch.log_softmax(logits, 1)
        p = log_p.exp()
        entropy = -(p * log_p).sum(1, keepdim=True)
        gap = entropy[:n].mean() - entropy[n:].mean() + self.settings.vsmm_gamma
        dentropy = torch.full_like(entropy, 1 / n) * (gap > 0)
        dentropy[n:] *= -1
        dlogits = -dentropy * p * (log_p + entropy)
        p[torch.arange(n), y] -= 1
        dlogits[:n] += p[:n] / n
        return dlogits

    def result(self) -> list[np.ndarray]:
        return [p.numpy().copy() for p in self.params]


class Softmax:
    """Both losses of a row and their gradient in closed form."""

    def __init__(self, work):
        self.logits = tensor(work.logits)
        self.y, self.dce, self.dentropy = map(tensor, (work.y, work.dce, work.dentropy))
        self.at = torch.arange(len(self.y))

    @torch.no_grad()
    def run(self) -> None:
        log_p = torch.log_softmax(self.logits, 1)
        p = log_p.exp()
        ce, entropy = -log_p[self.at, self.y], -(p * log_p).sum(1)
        weight = self.dce[:, None] - self.dentropy[:, None] * (log_p + entropy[:, None])
        dlogits = p * weight
        dlogits[self.at, self.y] -= self.dce
        self.outputs = ce, entropy, dlogits

    def result(self) -> list[np.ndarray]:
        return [t.numpy() for t in self.outputs]


RUNNERS = {"critic": CriticStep, "outer": OuterStep, "vsmm": VsmmStep, "softmax": Softmax}
