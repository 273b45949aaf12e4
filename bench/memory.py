"""The memory that a fit adds to the process, compared with the least possible and with PyTorch.

    python bench/memory.py

The default is random data of AWA1's size and the networks of the preset paper-awa1. The CWGAN ends
at its first look and the VSMM after one epoch, as further steps need no more memory. Before the
measurement the data are created, all modules are imported and a tiny fit is run. "Must hold" is one
scaled copy of the features, the parameters of all networks and two moments for each. The PyTorch
version is a training script with the same data and networks and autograd: as many steps of the
CWGAN, proxies and an epoch of the VSMM, but no PTC and no scores.
"""

import json
import math
import subprocess
import sys
import warnings
from importlib.util import find_spec
from itertools import pairwise
from types import SimpleNamespace

import click
import numpy as np

import tinygzsl as tz
from tinygzsl.benchmarks.resident import peak_memory
from tinygzsl.benchmarks.work_cwgan import Draws
from tinygzsl.runtime.threads import default_threads
from tinygzsl.settings import settings_for
from tinygzsl.vsmm import VSMM

SHORT = {  # CS is above the window at the first look
    "cs_unit": "relative",
    "cs_low": 0.0,
    "cs_high": 1e-9,
    "gan_max_epochs": 1,
    "ptc_l2": (1e-2,),
    "vsmm_epochs": 1,
    "vsmm_reduction": "mean",
}


def make_data(samples, *, d, k, classes):
    """Return noisy linear maps of random prototypes."""
    rng = np.random.default_rng(0)
    prototypes = rng.random((classes, k), dtype=np.float32)
    y = np.arange(samples) % classes
    x = (prototypes @ rng.standard_normal((k, d), dtype=np.float32))[y]
    for part in np.array_split(x, 20):
        part += rng.standard_normal(part.shape, dtype=np.float32)
    return x, y, prototypes


def fit_ours(x, y, prototypes, preset):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = tz.EntropySeparationGZSL(preset=preset, **SHORT).fit(x, y, prototypes)
    return model.proxy_source_.looks[-1].step


def fit_torch(x, y, prototypes, preset, *, steps=15):
    """Train the same networks on the same data in PyTorch."""
    import torch

    from tinygzsl.benchmarks.torch_autograd import RUNNERS

    torch.set_num_threads(default_threads())
    settings, rng = settings_for(preset, SHORT), np.random.default_rng(0)
    low, high = x.min(0), x.max(0)
    x = (torch.from_numpy(x) - torch.from_numpy(low)) / torch.from_numpy(high - low)
    prototypes = prototypes / np.linalg.norm(prototypes, axis=1, keepdims=True)
    work = SimpleNamespace(x=x.numpy(), y=y, prototypes=prototypes, settings=settings)
    gan = RUNNERS["outer"](_gan_work(work, rng))
    for _ in range(steps):
        gan.run()
    generator, count = gan.generator, settings.proxy_count
    del gan
    a = torch.from_numpy(prototypes[rng.integers(len(prototypes), size=count)])
    with torch.no_grad():
        proxies = generator(torch.cat([torch.randn(a.shape), a], 1))
    work.proxies, batch = proxies.numpy(), settings.vsmm_batch
    vsmm = RUNNERS["vsmm"](_vsmm_work(work))
    order = torch.randperm(len(x))
    for at in range(0, len(x), batch):
        vsmm.rows = order[at : at + batch]
        vsmm.proxy_rows = torch.randint(count, vsmm.rows.shape)
        vsmm.run()
    return steps


def _gan_work(work, rng):
    settings, n = work.settings, work.settings.gan_batch
    (d, k), steps = (work.x.shape[1], work.prototypes.shape[1]), settings.gan_critic_steps

    def network(*sizes):
        shapes = [shape for n_in, n_out in pairwise(sizes) for shape in ((n_out, n_in), (n_out,))]
        return [0.02 * rng.standard_normal(shape, dtype=np.float32) for shape in shapes]

    rows = rng.integers(len(work.x), size=(steps + 1, n))
    z = rng.standard_normal((steps + 1, n, k), dtype=np.float32)
    alpha = rng.random((steps, n, 1), dtype=np.float32)
    draws = Draws(rows[1:], work.y[rows[1:]], z[1:], alpha, work.y[rows[0]], z[0])
    return SimpleNamespace(
        generator=network(2 * k, *settings.gan_generator_hidden, d),
        critic=network(d + k, *settings.gan_critic_hidden, 1),
        **vars(work),
        draws=draws,
    )


def _vsmm_work(work):
    (d, k), classes = (work.x.shape[1], work.prototypes.shape[1]), len(work.prototypes)
    start = VSMM.create(
        np, d=d, k=k, n_classes=classes, settings=work.settings, seed=0, dtype="float32"
    ).params
    rows = np.arange(1)
    return SimpleNamespace(**vars(work), start=start, rows=rows, proxy_rows=rows)


def must_hold(samples, *, d, k, classes, preset):
    """Return the bytes of one copy of the features, of all parameters and of their moments."""
    s = settings_for(preset)
    m, generator = s.vsmm_latent, (2 * k, *s.gan_generator_hidden, d)
    networks = [generator, (d + k, *s.gan_critic_hidden, 1)]
    networks += [(d, *s.vsmm_hidden, m), (m, *s.vsmm_hidden, d), (k, *s.vsmm_hidden, m)]
    networks.append((m, classes))
    parameters = sum((n_in + 1) * n_out for sizes in networks for n_in, n_out in pairwise(sizes))
    return {
        "features": 4 * samples * d,
        "parameters": 4 * parameters,
        "moments": 8 * parameters,
    }


def measure(version, sizes, *, preset):
    """Measure, in a new process, the bytes that a fit adds, those before it, and CWGAN steps."""
    fit = {"tinygzsl": fit_ours, "PyTorch": fit_torch}[version]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x, y, prototypes = make_data(400, d=24, k=8, classes=5)
        fit(x, y, prototypes, "small")  # imports, compiled kernels, threads
    x, y, prototypes = make_data(**sizes)
    with peak_memory() as memory:
        steps = fit(x, y, prototypes, preset)
    return {"added": memory.added, "before": memory.before, "steps": steps}


@click.command()
@click.option("--samples", default=19832)
@click.option("--d", default=2048)
@click.option("--k", default=85)
@click.option("--classes", default=40)
@click.option("--preset", default="paper-awa1")
@click.option("--json", "as_json", is_flag=True)
@click.option("--child", help="Measure this version only, in this process.")
def main(preset, as_json, child, **sizes):
    """Measure what a fit adds."""
    if child:
        print(json.dumps(measure(child, sizes, preset=preset)))
        return
    held = must_hold(**sizes, preset=preset)
    versions = ["tinygzsl", *(["PyTorch"] if find_spec("torch") else [])]
    options = [f"--{name}={value}" for name, value in {**sizes, "preset": preset}.items()]
    found = {}
    for version in versions:
        command = [sys.executable, __file__, "--child", version, *options]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found[version] = json.loads(out)
    facts = {"sizes": sizes, "preset": preset, "must_hold": held, "versions": found}
    print(json.dumps(facts) if as_json else table(facts))


def table(facts):
    """Return a Markdown table, in MB of 10^6 bytes."""
    held, sizes = facts["must_hold"], facts["sizes"]
    total = math.fsum(held.values())
    lines = [
        "fit of {samples} x {d}, {classes} classes, k {k}".format(**sizes)
        + f", preset {facts['preset']}",
        "must hold: " + ", ".join(f"{k} {v / 1e6:.0f} MB" for k, v in held.items()),
        "",
        "| version | added at the peak, MB | / must hold | resident before, MB | CWGAN steps |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, v in facts["versions"].items():
        ratio, added, before = v["added"] / total, v["added"] / 1e6, v["before"] / 1e6
        lines.append(f"| {name} | {added:.0f} | {ratio:.2f} | {before:.0f} | {v['steps']} |")
    if "PyTorch" not in facts["versions"]:
        lines.append("\nPyTorch is not installed, so it is left out.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
