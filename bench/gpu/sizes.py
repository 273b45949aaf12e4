"""The sizes of all measurements, and tiny sizes to try the scripts with."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """d features, k attributes, h hidden units, m latent units; counts of rows and of classes."""

    # The CWGAN of f-CLSWGAN on AWA1, and a linear VSMM.
    cwgan: dict = field(default_factory=lambda: {"d": 2048, "k": 85, "h": 4096, "samples": 20_000})
    vsmm: dict = field(
        default_factory=lambda: {"d": 2048, "k": 85, "m": 512, "batch": 256, "samples": 10_000}
    )
    product: int = 8192  # order of a square product
    product_rows: int = 4096  # of the critic's first layer, for a batch of 128
    leading: tuple[int, ...] = (2048, 2133, 2136)  # d; d + k; d + k, padded to a multiple of 8
    values: int = 1 << 28  # of an array of a kernel, 1 GiB; fewer where memory is short
    softmax: dict = field(default_factory=lambda: {"rows": 65_536, "classes": 1000})
    adam: dict = field(default_factory=lambda: {"parameters": 4096 * 2133})
    route: dict = field(default_factory=lambda: {"rows": 20_000, "d": 2048, "m": 512})
    route_rows: int = 1_000_000
    # 100 classes of CUB: samples of the seen classes, and the networks of the preset `small`.
    cub: dict = field(
        default_factory=lambda: {"samples": 5900, "d": 1280, "k": 312, "seen": 73, "unseen": 27}
    )
    cub_fit: dict = field(default_factory=lambda: {"preset": "small", "gan_max_epochs": 10})
    cub_steps: dict = field(
        default_factory=lambda: {"h": 1024, "batch": 64, "m": 256, "vsmm_batch": 128}
    )
    letters_fit: dict = field(default_factory=lambda: {"preset": "letters"})
    rounds: int = 7
    most_in_batch: int = 1 << 20  # samples; fewer to try the scripts
    letters_step: int = 1  # take every letters_step-th training and test sample of the letters
    turn: float = 0.06  # seconds per version and round
    host_runs: int = 30  # runs that measure the host's time


FULL = Sizes()
_TINY_FIT = {
    "gan_max_epochs": 1,
    "gan_batch": 64,
    "gan_generator_hidden": (16,),
    "gan_critic_hidden": (16,),
    "vsmm_epochs": 1,
    "vsmm_batch": 64,
    "vsmm_hidden": (),
    "vsmm_latent": 8,
    "proxy_count": 64,
    "ptc_l2": (1e-2,),
    "cs_low": 0.0,
    "cs_high": 9.0,
}
TINY = Sizes(
    cwgan={"d": 16, "k": 5, "h": 32, "samples": 100, "classes": 7},
    vsmm={"d": 16, "k": 5, "m": 8, "batch": 16, "samples": 100, "classes": 7},
    product=32,
    product_rows=16,
    leading=(16, 21),
    values=1 << 10,
    softmax={"rows": 64, "classes": 10},
    adam={"parameters": 1000},
    route={"rows": 200, "d": 16, "m": 8},
    route_rows=600,
    cub={"samples": 120, "d": 16, "k": 6, "seen": 8, "unseen": 3},
    cub_fit={"preset": "small", **_TINY_FIT},
    cub_steps={"h": 16, "batch": 16, "m": 8, "vsmm_batch": 16},
    letters_fit={"preset": "letters", **_TINY_FIT},
    rounds=1,
    turn=0.0,
    most_in_batch=16,
    letters_step=60,
    host_runs=2,
)
