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
    """A process and the pipe to it. `run` is what it is working on, None when idle."""

    def __init__(self):
        # spawn: a fork would copy threads that hold locks, and doesn't exist everywhere
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs,), daemon=True)
        with ctrl_c_blocked():
            self.process.start()
        theirs.close()  # now the pipe ends with the process
        self.run: Run | None = None

    def give(self, run: Run) -> None:
        """Start a run, or lose it: a worker that is dead already is found out by `answer`."""
        self.run = run
        with contextlib.suppress(OSError):
            self.connection.send(run)

    def answer(self) -> dict[str, Any] | None:
        """The row of the run, or None if the process died. Raises what the run raised."""
        try:
            answer = self.connection.recv()
        except (EOFError, OSError):
            return None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        self.connection.close()
        self.process.terminate()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class LocalEngine:
    """Runs on `processes` worker processes; `workers` are those there are now."""

    def __init__(self, processes: int):
        self.processes = processes
        self.workers: list[LocalWorker] = []

    def results(self, runs: list[Run]) -> Iterator[dict[str, Any] | None]:
        """Rows as runs finish; None for a run whose worker died twice.

        A worker that dies is replaced, and its run done again by the next free one. Raises what a
        run raises. However the iteration ends, no process is left.
        """
        waiting, tries = deque(runs), Counter()
        try:
            while waiting or any(worker.run for worker in self.workers):
                self._employ(waiting)
                for worker in self._finished():
                    run, row, worker.run = worker.run, worker.answer(), None
                    if row is None:
                        self._bury(worker)
                        tries[id(run)] += 1
                        if tries[id(run)] < ATTEMPTS:
                            waiting.appendleft(run)
                            continue
                    self._employ(waiting)  # before the caller takes its time over the row
                    yield row
        finally:
            for worker in self.workers:
                worker.stop()
            self.workers = []

    def _employ(self, waiting):
        idle = [worker for worker in self.workers if worker.run is None]
        while waiting and (idle or len(self.workers) < self.processes):
            if not idle:
                self.workers.append(LocalWorker())
                idle.append(self.workers[-1])
            idle.pop().give(waiting.popleft())

    def _finished(self):
        busy = {worker.connection: worker for worker in self.workers if worker.run}
        return [busy[connection] for connection in wait(list(busy))]

    def _bury(self, worker):
        worker.stop()
        self.workers.remove(worker)


@contextlib.contextmanager
def ctrl_c_blocked() -> Iterator[None]:
    """Processes started in this block never see Ctrl-C: it is their parent's business."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # started in the block, it would end the blocking
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(connection: Connection) -> None:
    """A worker process: rows for runs, until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Windows nothing is inherited
    with contextlib.suppress(EOFError, OSError):
        while True:
            run = connection.recv()
            try:
                answer = run_row(run)
            except Exception as error:
                error.add_note(traceback.format_exc())  # where in the worker it was
                answer = error
            connection.send(answer)
