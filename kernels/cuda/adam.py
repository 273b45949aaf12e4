"""Launches kernels/cuda/adam.cu: a step of Adam."""

from .launch import flat, launch


def adam_update(p, g, m, v, rate, beta1, beta2, eps, bad, step):
    """p, g, m, v of one shape, p, m and v in place: one pass over the flat arrays, 16 bytes at a
    time where they are aligned. A thread that finds NaN or inf in p sets bad on the device.
    """
    constants = rate, beta1, 1 - beta1, beta2, 1 - beta2, eps
    launch("adam", "adam_update", *flat(p.size), p, g, m, v, *constants, bad, step, p.size)
