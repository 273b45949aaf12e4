"""Losses and steps in idiomatic JAX; jax_jit.py compiles them."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from ..nn.ops import LEAK

EPS = 1e-8


def forward(params, x, output=lambda s: s):
    """Return the output of linear layers with LeakyReLU between them."""
    pairs = list(zip(params[::2], params[1::2], strict=True))
    for i, (w, b) in enumerate(pairs):
        x = x @ w.T + b
        x = jnp.where(x > 0, x, LEAK * x) if i < len(pairs) - 1 else output(x)
    return x


def start(params):
    """Return the initial state: parameters, moments and the number of steps."""
    return [(jnp.array(p), jnp.zeros_like(p), jnp.zeros_like(p)) for p in params], jnp.zeros(())


def values(state):
    """Return the parameters of a state."""
    return [p for p, _, _ in state[0]]


def adam(state, grads, lr, betas):
    """Return the next state."""
    beta1, beta2 = betas
    t = state[1] + 1
    rate, root = lr / (1 - beta1**t), jnp.sqrt(1 - beta2**t)

    def update(pmv, g):
        p, m, v = pmv
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        return p - rate * m / (jnp.sqrt(v) / root + EPS), m, v

    return [update(pmv, g) for pmv, g in zip(state[0], grads, strict=True)], t


def critic_loss(params, x, fake, a, alpha, penalty):
    """Return the loss of eq. 6."""

    def scores(x):
        return forward(params, jnp.concatenate([x, a], 1))

    g = jax.grad(lambda x: scores(x).sum())(alpha * x + (1 - alpha) * fake)
    norm = jnp.sqrt((g * g).sum(1))
    return scores(fake).mean() - scores(x).mean() + penalty * ((norm - 1) ** 2).mean()


def generate(params, z, a):
    """Return the generated samples x~."""
    return forward(params, jnp.concatenate([z, a], 1), jax.nn.relu)


def critic_step(state, x, fake, a, alpha, *, penalty, lr, betas):
    """Return the next state of the critic."""
    grads = jax.grad(critic_loss)(values(state), x, fake, a, alpha, penalty)
    return adam(state, grads, lr, betas)


def outer_step(states, x, prototypes, draws, *, penalty, lr, betas):
    """Return the next states of generator and critic."""
    generator, critic = states
    rows, classes, zs, alphas, generator_classes, generator_z = draws
    for i in range(rows.shape[0]):
        a = prototypes[classes[i]]
        fake = generate(values(generator), zs[i], a)
        steps = {"penalty": penalty, "lr": lr, "betas": betas}
        critic = critic_step(critic, x[rows[i]], fake, a, alphas[i], **steps)
    a = prototypes[generator_classes]

    def loss(params):
        fake = generate(params, generator_z, a)
        return -forward(values(critic), jnp.concatenate([fake, a], 1)).mean()

    return adam(generator, jax.grad(loss)(values(generator)), lr, betas), critic


def vsmm_loss(params, x, proxies, y, a, gamma):
    """Return the loss of eq. 9 with all weights 1 and means over the dimensions."""
    f_v, g, f_s, c = (params[i : i + 2] for i in range(0, 8, 2))
    latent, n = forward(f_v, jnp.concatenate([x, proxies])), x.shape[0]
    log_p = jax.nn.log_softmax(forward(c, latent))
    entropy = -(jnp.exp(log_p) * log_p).sum(1)
    ae = ((forward(g, latent[:n]) - x) ** 2).mean()
    le = ((latent[:n] - forward(f_s, a)) ** 2).mean()
    clf = -log_p[jnp.arange(n), y].mean()
    return ae + le + clf + jax.nn.relu(entropy[:n].mean() - entropy[n:].mean() + gamma)


def vsmm_step(state, x, proxies, y, prototypes, rows, proxy_rows, *, gamma, lr, betas):
    """Return the next state of the VSMM."""
    y = y[rows]
    batch = (x[rows], proxies[proxy_rows], y, prototypes[y], gamma)
    return adam(state, jax.grad(vsmm_loss)(values(state), *batch), lr, betas)


def softmax(logits, y, dce, dentropy):
    """Return both losses of each row and their gradient."""

    def loss(logits):
        log_p = jax.nn.log_softmax(logits)
        ce = -log_p[jnp.arange(len(y)), y]
        entropy = -(jnp.exp(log_p) * log_p).sum(1)
        return dce @ ce + dentropy @ entropy, (ce, entropy)

    dlogits, (ce, entropy) = jax.grad(loss, has_aux=True)(logits)
    return ce, entropy, dlogits


def route(x, shift, scale, f_v, c, semantic, *, seen, low, high, tau):
    """Return candidate index, entropy and score of each row of a chunk by eq. 10."""
    embedded = forward(f_v, (x - shift) * scale)
    log_p = jax.nn.log_softmax(forward(c, embedded))
    entropy = -(jnp.exp(log_p) * log_p).sum(1)
    center = semantic.mean(0)
    u, v = embedded - center, semantic - center
    squares = (u * u).sum(1)[:, None] + (v * v).sum(1) - 2 * (u @ v.T)
    f = -jnp.sqrt(jnp.maximum(squares, 0)) / tau
    is_seen, is_unseen = entropy < low, entropy > high
    zsl, gzsl = jax.nn.log_softmax(f[:, seen:]), jax.nn.log_softmax(f)
    label = jnp.where(is_unseen, seen + zsl.argmax(1), gzsl.argmax(1))
    best = jnp.where(is_unseen, zsl.max(1), gzsl.max(1))
    best = jnp.exp(jnp.where(is_seen, log_p.max(1), best))
    return jnp.where(is_seen, log_p.argmax(1), label), entropy, best
