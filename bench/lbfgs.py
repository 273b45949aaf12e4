"""Our L-BFGS compared with SciPy's: the same optimum, and the time to reach it.

    python bench/lbfgs.py [--data FOLDER] [--times 5] [--threads 1 2]

The objectives are those of PTC and SYNC, on the letters or the dataset in a folder. The optima come
from runs in float64 with tight tolerances, whose losses must agree within 1e-6. The times are those
of float32 with the tolerances of fit, measured in turns in one process. Medians are shown, with the
number of steps, and how much the loss exceeds the optimum. PTC is a chain of fits from the largest
l2 to the smallest.
"""

import argparse
import time
from functools import partial
from statistics import median

import numpy as np
from scipy.optimize import minimize as scipy_minimize

from tinygzsl import load_dataset, ptc
from tinygzsl.baselines import sync
from tinygzsl.nn.lbfgs import minimize
from tinygzsl.runtime.threads import workers

WEIGHTS = [2.0**-power for power in (10, 14, 18, 22)]
TIGHT = {"max_iterations": 20_000, "gradient_tolerance": 1e-9, "decrease": 0.0}


def scipy_fit(objective, start, *, max_iterations, gradient_tolerance, decrease):
    def host(theta):
        loss, gradient = objective(theta)
        return float(loss), gradient.astype(np.float64)

    options = {"maxiter": max_iterations, "gtol": gradient_tolerance, "ftol": decrease}
    options["maxfun"] = 10 * max_iterations
    found = scipy_minimize(host, start, jac=True, method="L-BFGS-B", options=options)
    return found.x, found.nit


def ptc_objective(x, y, classes, l2):
    def objective(theta):
        theta = theta.astype(x.dtype)
        w = theta[: classes * x.shape[1]].reshape(classes, -1)
        loss, dw, db = ptc.ptc_loss(w, theta[w.size :], x, y, l2=l2)
        return loss, np.concatenate([dw.ravel(), db])

    return objective


def sync_objective(x, y, classes, weight):
    signs = np.where(y[:, None] == np.arange(classes), 1, -1).astype(x.dtype)

    def objective(theta):
        w = theta.reshape(classes, -1).astype(x.dtype)
        loss, dw = sync.one_versus_other_loss(w, x, signs, weight=weight)
        return loss, dw.ravel()

    return objective


def ptc_by_scipy(x, y, classes, grid, **rules):
    theta, fits = np.zeros(classes * (x.shape[1] + 1)), []
    for l2 in grid:
        theta, steps = scipy_fit(ptc_objective(x, y, classes, l2), theta, **rules)
        fits.append((theta, steps))
    return fits


def ptc_by_ours(x, y, classes, grid, **rules):
    w, b = np.zeros((classes, x.shape[1]), x.dtype), np.zeros(classes, x.dtype)
    fits, steps = [], []

    def counted(*args, **named):
        found = minimize(*args, **{**named, **rules})
        steps.append(found.iterations)
        return found

    ptc.minimize, before = counted, ptc.minimize
    try:
        for l2 in grid:
            w, b = ptc._fit_lbfgs(w, b, x, y, l2=l2)
            fits.append((np.concatenate([w.ravel(), b]), steps[-1]))
    finally:
        ptc.minimize = before
    return fits


def sync_by_scipy(x, y, classes, weight, **rules):
    start = np.zeros(classes * x.shape[1])
    return [scipy_fit(sync_objective(x, y, classes, weight), start, **rules)]


def sync_by_ours(x, y, classes, weight, **rules):
    start = np.zeros(classes * x.shape[1])
    found = minimize(sync_objective(x, y, classes, weight), start, **rules)
    return [(found.x, found.iterations)]


def compare(name, fits, losses, rules, *, exact, single, times, threads):
    """Compare fits, SciPy's and ours, functions of x; losses are those in float64 by parameters."""
    with workers(1):
        optima = [
            [loss(fit[0]) for loss, fit in zip(losses, f(exact, **TIGHT), strict=True)]
            for f in fits
        ]
    for theirs, mine in zip(*optima, strict=True):
        assert abs(mine - theirs) <= 1e-6 * theirs, (name, theirs, mine)
    for count in threads:
        seconds, found = ([], []), [None, None]
        with workers(count):
            for _ in range(times):
                for i, fit in enumerate(fits):
                    began = time.perf_counter()
                    found[i] = fit(single, **rules)
                    seconds[i].append(time.perf_counter() - began)
        shown = []
        for i, who in enumerate(("SciPy", "ours")):
            over = max(
                loss(fit[0]) / best - 1
                for loss, fit, best in zip(losses, found[i], optima[1], strict=True)
            )
            steps = sum(fit[1] for fit in found[i])
            shown.append(f"{who} {median(seconds[i]):6.2f} s {steps:4d} steps {over:8.1e} over")
        ratio = median(b / a for a, b in zip(*seconds, strict=True))
        print(f"{name:18s} threads={count}  {shown[0]}  {shown[1]}  ratio {ratio:.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="letters")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--grid", type=float, nargs="+", default=[1e-2, 1e-3, 1e-4])
    options = parser.parse_args()
    data = load_dataset(options.data).training()
    classes, y = np.unique(data.y, return_inverse=True)
    x = data.X.astype(np.float64)
    how = {"times": options.times, "threads": options.threads}
    scaled = (x - x.min(axis=0)) / np.maximum(np.ptp(x, axis=0), 1e-12)
    compare(
        "PTC",
        [
            partial(f, y=y, classes=len(classes), grid=options.grid)
            for f in (ptc_by_scipy, ptc_by_ours)
        ],
        [
            lambda t, l2=l2: float(ptc_objective(scaled, y, len(classes), l2)(t)[0])
            for l2 in options.grid
        ],
        {"max_iterations": 500, "gradient_tolerance": 1e-5, "decrease": 2.2e-9},
        exact=scaled,
        single=scaled.astype(np.float32),
        **how,
    )
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    for weight in WEIGHTS:
        objective = sync_objective(unit, y, len(classes), weight)
        compare(
            f"SYNC 2^{np.log2(weight):.0f}",
            [
                partial(f, y=y, classes=len(classes), weight=weight)
                for f in (sync_by_scipy, sync_by_ours)
            ],
            [lambda t, f=objective: float(f(t)[0])],
            {
                "max_iterations": sync.MAX_ITERATIONS,
                "gradient_tolerance": sync.GRADIENT,
                "decrease": sync.DECREASE,
            },
            exact=unit,
            single=unit.astype(np.float32),
            **how,
        )


if __name__ == "__main__":
    main()
