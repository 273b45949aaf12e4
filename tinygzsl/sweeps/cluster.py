"""The dask engine: one task per run on a scheduler's workers or on a cluster of local processes.

dask's ports have neither encryption nor authentication unless its configuration has certificates
for TLS: without them whoever reaches a port can run code as the user who opened it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

from .local import ctrl_c_blocked
from .run import Run, run_row

LOCAL = "local-cluster"
CONNECT_SECONDS, WORKER_SECONDS = 10, 60
OPEN = (
    "note: local-cluster opens ports on 127.0.0.1 without authentication, so every user of this "
    "machine can run code as you; leave --scheduler out, which opens none, or configure dask's TLS"
)


class DaskEngine:
    """Runs on the workers of the scheduler at address (tcp://host:port or tls://host:port).

    For the address "local-cluster" it runs on `processes` single-threaded local workers. Workers
    need the same version of tinygzsl and the datasets under the same paths, as only names and rows
    pass through the scheduler. Certificates for TLS are those of dask's configuration. `say` gets
    what the user should know: that ports are open, and that workers are waited for.
    """

    def __init__(
        self, address: str, processes: int, *, say: Callable[[str], None] = lambda text: None
    ):
        self.address, self.processes, self.say = address, processes, say

    def results(self, runs: list[Run]) -> Iterator[dict[str, Any] | None]:
        """Yield rows as runs finish; None for a run that lost more workers than dask allows.

        dask gives the run of a worker that died to another one. Raises the errors of runs,
        ImportError without distributed, and OSError if the scheduler doesn't answer, has no worker
        within WORKER_SECONDS or stops.
        """
        distributed = import_distributed()
        if not runs:
            return
        try:
            with self._client(distributed, min(self.processes, len(runs))) as client:
                yield from _rows(distributed, client, runs=runs)
        except (distributed.CancelledError, distributed.comm.CommClosedError):
            raise OSError(
                f"lost the scheduler at {self.address}; start it, and run the same command again"
            ) from None

    @contextlib.contextmanager
    def _client(self, distributed: Any, processes: int) -> Iterator[Any]:
        with contextlib.ExitStack() as stack:
            address: Any = self.address
            if address == LOCAL:
                address = stack.enter_context(self._local_cluster(distributed, processes))
            try:  # without `security`, as dask then takes that of its configuration
                client = distributed.Client(address, timeout=CONNECT_SECONDS)
            except (OSError, ValueError) as error:
                raise OSError(
                    f"no scheduler answers at {self.address} within {CONNECT_SECONDS} s ({error}); "
                    "start one with `dask scheduler`, or pass --scheduler local-cluster"
                ) from None
            stack.enter_context(_silent(logging.getLogger("distributed.client")))
            stack.enter_context(client)
            self._await_worker(client)
            yield client

    def _await_worker(self, client: Any) -> None:
        """Return when there is a worker; OSError if none comes."""
        if client.scheduler_info(n_workers=-1)["workers"]:
            return
        self.say(f"waiting up to {WORKER_SECONDS} s for a worker at {self.address}")
        try:
            client.wait_for_workers(1, timeout=WORKER_SECONDS)
        except TimeoutError:
            raise OSError(
                f"no worker has come to the scheduler at {self.address} within {WORKER_SECONDS} s; "
                f"start some with `dask worker {self.address}`, and run the same command again"
            ) from None

    def _local_cluster(self, distributed: Any, processes: int) -> Any:
        security = distributed.Security()  # of dask's configuration
        encrypted = security.require_encryption or security.tls_scheduler_cert
        if not encrypted:
            self.say(OPEN)
        with ctrl_c_blocked():
            return distributed.LocalCluster(
                n_workers=processes,
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.ERROR,
                protocol="tls://" if encrypted else "tcp://",
                security=security,
            )


@contextlib.contextmanager
def _silent(logger: logging.Logger) -> Iterator[None]:
    """Silence a logger: a client that loses its scheduler logs tracebacks."""
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _rows(distributed: Any, client: Any, *, runs: list[Run]) -> Iterator[dict[str, Any] | None]:
    futures = (client.submit(run_row, run, pure=False) for run in runs)
    for future in distributed.as_completed(futures):
        try:
            row = future.result()
        except distributed.KilledWorker:
            row = None
        # Otherwise the finished runs of a worker that dies later would be repeated.
        future.release()
        yield row


def import_distributed() -> Any:
    """Return dask.distributed; the ImportError says how to install it."""
    try:
        import distributed
    except ImportError:
        raise ImportError(
            "--scheduler needs dask.distributed: pip install 'tinygzsl[cluster]'"
        ) from None
    return distributed
