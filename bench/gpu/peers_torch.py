"""PyTorch's versions on the GPU: eager, replayed from a CUDA graph, and compiled."""

from collections.abc import Callable
from functools import partial
from typing import Any

import precision
import torch
from timing import Version

from tinygzsl.benchmarks.torch_autograd import RUNNERS
from tinygzsl.benchmarks.torch_route import Route

DEVICE = "cuda"
WARM_UP = 3  # steps before a capture, as in PyTorch's documentation
CHUNK = 65_536  # rows routed at a time


def check_device() -> None:
    """RuntimeError if PyTorch has no GPU: peers never run on another device than ours."""
    if DEVICE == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("PyTorch finds no GPU")


def wait() -> None:
    """Wait for the device."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def runner(work: Any) -> Any:
    """Return the benchmarks' PyTorch version of the work, with its arrays on the device."""
    check_device()
    with torch.device(DEVICE):
        return RUNNERS[work.kind](work)


def version(name: str, run: Callable[[], object], how: str) -> Version:
    """Return `run` as a version named "PyTorch ...", in float32 or TF32."""
    return Version(name=name, run=run, wait=wait, precision=lambda: precision.of_torch(how))


def graphed(made: Any) -> Callable[[], object]:
    """Return a function that replays the runner's step from a CUDA graph.

    The optimiser must keep its step number on the device. The graph is captured after some steps on
    another stream; then parameters and moments are reset to their present values. The graph reads
    the runner's tensors by address without keeping them alive; the returned function does.
    """
    modules = [m for m in vars(made).values() if isinstance(m, torch.nn.Module)]
    adams = [a for a in vars(made).values() if isinstance(a, torch.optim.Optimizer)]
    params = [p for module in modules for p in module.parameters()]
    params += [p for p in vars(made).values() if isinstance(p, torch.nn.Parameter)]
    before = [p.detach().clone() for p in params]
    for adam in adams:
        for group in adam.param_groups:
            group["capturable"] = True
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UP):
            made.run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        made.run()
    with torch.no_grad():
        for p, start in zip(params, before, strict=True):
            p.copy_(start)
        for adam in adams:
            for state in adam.state.values():
                for value in state.values():
                    value.zero_()
    return partial(replay, graph, made)


def replay(graph: "torch.cuda.CUDAGraph", made: Any) -> None:
    """Replay one step; `made` is the runner and keeps the graph's tensors alive."""
    graph.replay()


def compiled(made: Any) -> Callable[[], object]:
    """Return the runner's step compiled by torch.compile.

    This doesn't support a double backward, so it can't be used for the CWGAN.
    """
    return torch.compile(made.run)


class LargeRoute(Route):
    """Routing of features on the device in chunks; the results are copied to the host."""

    def __init__(self, work: Any, x: torch.Tensor):
        super().__init__(work)
        self.x = x

    @torch.no_grad()
    def run(self) -> None:
        """Route all rows."""
        semantic = self.f_s(self.prototypes)
        parts = [self.route(x, semantic) for x in self.x.split(CHUNK)]
        self.found = [torch.cat(part).cpu() for part in zip(*parts, strict=True)]


def large_route(work: Any, x: Any) -> LargeRoute:
    """Return the routing of x (rows, d), a CuPy array, whose memory is shared, or a NumPy array."""
    check_device()
    with torch.device(DEVICE):
        return LargeRoute(work, torch.from_dlpack(x).to(DEVICE))
