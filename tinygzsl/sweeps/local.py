"""The local engine: worker processes on this machine, each with one run at a time."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import traceback
from collections import Counter, deque
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from typing import Any

from .run import Run, run_row

ATTEMPTS = 2  # a run whose worker died is tried once more


class LocalWorker:
    """A process and the pipe to it. `run` is its current run, None when idle."""

    def __init__(self) -> None:
        # spawn: fork copies locks held by threads, and doesn't exist on all systems
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs,), daemon=True)
        with ctrl_c_blocked():
            self.process.start()
        theirs.close()  # so that the pipe ends when the process does
        self.run: Run | None = None

    def give(self, run: Run) -> None:
        """Send a run to the worker; if the worker is dead, `answer` reports it."""
        self.run = run
        with contextlib.suppress(OSError):
            self.connection.send(run)

    def answer(self) -> dict[str, Any] | None:
        """Return the row of the run, or None if the process died; raises the run's error."""
        try:
            answer = self.connection.recv()
        except (EOFError, OSError):
            return None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stop(self) -> None:
        """End the process, even during a run."""
        self.connection.close()
        self.process.terminate()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class LocalEngine:
    """Runs on `processes` worker processes; `workers` are the current ones."""

    def __init__(self, processes: int):
        self.processes = processes
        self.workers: list[LocalWorker] = []

    def results(self, runs: list[Run]) -> Iterator[dict[str, Any] | None]:
        """Yield rows as runs finish; None for a run whose worker died twice.

        A worker that dies is replaced, and its run is repeated by the next free one. Raises the
        errors of runs. All processes are ended when the iteration ends for any reason.
        """
        waiting, tries = deque(runs), Counter[int]()
        try:
            while waiting or any(worker.run for worker in self.workers):
                self._employ(waiting)
                for worker in self._finished():
                    run, row, worker.run = worker.run, worker.answer(), None
                    if row is None and run is not None:
                        self._bury(worker)
                        tries[id(run)] += 1
                        if tries[id(run)] < ATTEMPTS:
                            waiting.appendleft(run)
                            continue
                    self._employ(waiting)  # before the caller processes the row
                    yield row
        finally:
            for worker in self.workers:
                worker.stop()
            self.workers = []

    def _employ(self, waiting: deque[Run]) -> None:
        idle = [worker for worker in self.workers if worker.run is None]
        while waiting and (idle or len(self.workers) < self.processes):
            if not idle:
                self.workers.append(LocalWorker())
                idle.append(self.workers[-1])
            idle.pop().give(waiting.popleft())

    def _finished(self) -> list[LocalWorker]:
        busy: dict[Any, LocalWorker] = {w.connection: w for w in self.workers if w.run}
        return [busy[connection] for connection in wait(list(busy))]

    def _bury(self, worker: LocalWorker) -> None:
        worker.stop()
        self.workers.remove(worker)


@contextlib.contextmanager
def ctrl_c_blocked() -> Iterator[None]:
    """Processes started in this block don't get Ctrl-C; only their parent handles it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # if it started in the block, it would unblock signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(connection: Connection) -> None:
    """Receive runs and send their rows, in a worker process, until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Windows the mask isn't inherited
    with contextlib.suppress(EOFError, OSError):
        while True:
            run = connection.recv()
            try:
                answer: dict[str, Any] | Exception = run_row(run)
            except Exception as error:
                error.add_note(traceback.format_exc())  # the place in the worker
                answer = error
            connection.send(answer)
