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
WARM_UP = 3  # steps before a capture, as PyTorch's documentation has it
CHUNK = 65_536  # rows that are routed at a time


def check_device() -> None:
    """RuntimeError if PyTorch has no GPU: peers never run on another device than ours."""
    if DEVICE == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("PyTorch finds no GPU")


def wait() -> None:
    """Wait for the device."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def runner(work: Any) -> Any:
    """The project's version for PyTorch's users, its arrays on the device."""
    check_device()
    with torch.device(DEVICE):
        return RUNNERS[work.kind](work)


def version(name: str, run: Callable[[], object], how: str) -> Version:
    """run, named "PyTorch ...", in float32 or TF32."""
    return Version(name=name, run=run, wait=wait, precision=lambda: precision.of_torch(how))


def graphed(made: Any) -> Callable[[], object]:
    """The runner's step as a CUDA graph, from the state that it has now.

    Needs an optimiser that keeps its step number on the device. Captured after some steps on
    another stream; then parameters and moments are set back. The graph reads the runner's tensors
    where they lay and doesn't keep them, so what is returned does.
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
    """One step from the graph; made, the runner, holds the tensors that it reads."""
    graph.replay()


def compiled(made: Any) -> Callable[[], object]:
    """The runner's step by torch.compile, which refuses a double backward: not for the CWGAN."""
    return torch.compile(made.run)


class LargeRoute(Route):
    """Routing of features that lie on the device, in chunks that suit it; the answers are copied
    to the host.
    """

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
    """For x (rows, d) of CuPy, whose memory it shares, or of NumPy."""
    check_device()
    with torch.device(DEVICE):
        return LargeRoute(work, torch.from_dlpack(x).to(DEVICE))
