"""The dask engine: one task per run on a scheduler's workers or on a cluster of local processes."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from .local import ctrl_c_blocked
from .run import Run, run_row

LOCAL = "local-cluster"
CONNECT_SECONDS = 10


class DaskEngine:
    """Runs on the workers of the scheduler at address (tcp://host:port).

    For the address "local-cluster" it runs on `processes` single-threaded local workers. Workers
    need the same version of tinygzsl and the datasets under the same paths, as only names and rows
    pass through the scheduler.
    """

    def __init__(self, address: str, processes: int):
        self.address, self.processes = address, processes

    def results(self, runs: list[Run]) -> Iterator[dict[str, Any] | None]:
        """Yield rows as runs finish; None for a run that lost more workers than dask allows.

        dask gives the run of a worker that died to another one. Raises the errors of runs,
        ImportError without distributed, and OSError if the scheduler doesn't answer or stops.
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
            address = self.address
            if address == LOCAL:
                address = stack.enter_context(_local_cluster(distributed, processes))
            try:
                client = distributed.Client(address, timeout=CONNECT_SECONDS)
            except (OSError, ValueError) as error:
                raise OSError(
                    f"no scheduler answers at {address} within {CONNECT_SECONDS} s ({error}); "
                    "start one with `dask scheduler`, or pass --scheduler local-cluster"
                ) from None
            stack.enter_context(_silent(logging.getLogger("distributed.client")))
            yield stack.enter_context(client)


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


def _local_cluster(distributed: Any, processes: int) -> Any:
    with ctrl_c_blocked():
        return distributed.LocalCluster(
            n_workers=processes,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.ERROR,
        )


def import_distributed() -> Any:
    """Return dask.distributed; the ImportError says how to install it."""
    try:
        import distributed
    except ImportError:
        raise ImportError(
            "--scheduler needs dask.distributed: pip install 'tinygzsl[cluster]'"
        ) from None
    return distributed
