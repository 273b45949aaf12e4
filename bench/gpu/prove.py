"""Test and measure the library on a GPU, with one command:

    python bench/gpu/prove.py --out FOLDER --minutes 8

Needs CuPy and a GPU, but no installation and no network. PyTorch, JAX, pytest, compute-sanitizer
and ncu are used if available. The most important parts run first. If a part fails, or no time is
left for it, this is recorded and the next part starts. Writes results.json after every line, and
results.md at the end; see README.md.
"""

import queue
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import checks
import click
import facts
import processes
import profiled
import report
import worker

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

WORKER = [sys.executable, str(HERE / "worker.py")]
CHECKS, PROFILE = "checks", "ncu"


@dataclass(frozen=True)
class Part:
    """A part, the seconds after which it is stopped, and the least seconds to start it with."""

    name: str
    most: float
    least: float


PARTS = (
    Part("facts", 60, 5),
    Part(CHECKS, 150, 20),
    Part("copy and products", 40, 8),
    Part("CWGAN step, batch 64", 75, 20),
    Part("kernels", 40, 8),
    Part("VSMM step", 50, 15),
    Part("CWGAN step, batch 1024", 60, 20),
    Part("route", 70, 20),
    Part("fit of letters", 45, 20),
    Part("launches", 30, 10),
    Part(PROFILE, 40, 15),
    Part("fit of CUB's shape", 90, 25),
    Part("CWGAN step, batch 256", 60, 20),
    Part("softmax", 40, 15),
    Part("Adam", 30, 10),
    Part("torch.compile", 150, 40),
)


class Worker:
    """The process that measures; it is replaced if it was stopped or has died."""

    def __init__(self, files: Path, tiny: bool, log: Path):
        self.command = [*WORKER, str(files), *["--tiny"] * tiny]
        self.log = log
        self.process: subprocess.Popen | None = None
        self.lines: queue.Queue[str | None] = queue.Queue()

    def ask(self, part: Part, seconds: float, results: report.Results) -> str:
        """Measure the part in at most `seconds`; return how it ended."""
        if self.process is None:
            self._start()
        deadline = time.monotonic() + seconds
        try:
            self.process.stdin.write(f"{part.name} {seconds:.0f}\n")
            self.process.stdin.flush()
        except OSError:
            return self._ended()
        while True:
            try:
                line = self.lines.get(timeout=max(deadline - time.monotonic(), 0.01))
            except queue.Empty:
                self.stop()
                return f"stopped after {seconds:.0f} s"
            if line is None:
                return self._ended()
            state = results.take(line)
            if state is not None:
                if state.startswith(worker.LOST):
                    self.stop()
                return state

    def _start(self) -> None:
        self.lines = queue.Queue()
        with open(self.log, "a", encoding="utf-8") as log:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            self.process = processes.start(self.command, stderr=log, **pipes)
        arguments = self.process.stdout, self.lines
        self.reader = threading.Thread(target=_read, args=arguments, daemon=True)
        self.reader.start()

    def _ended(self) -> str:
        status = self.process.wait()
        self.stop()
        return f"failed: the process ended with status {status}"

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            processes.stop(self.process)
            self.reader.join()
            with suppress(OSError):  # unwritten data for a process that has ended
                self.process.stdin.close()
            self.process.stdout.close()
            self.process = None


def _read(stream, lines: queue.Queue) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def prove(out: Path, seconds: float, commit: str | None, tiny: bool, only: tuple[str, ...]) -> None:
    """Run all parts in at most `seconds`."""
    sys.path.insert(0, str(ROOT))
    deadline = time.monotonic() + seconds
    out.mkdir(parents=True, exist_ok=True)
    for name in (checks.TESTS, checks.SANITIZED):
        (out / name).unlink(missing_ok=True)
    results = report.Results(out, facts.of_machine(ROOT, commit))
    with TemporaryDirectory() as folder:
        files = Path(folder)
        log = files / "worker.txt"
        log.touch()
        process = Worker(files, tiny, log)
        try:
            for part in PARTS:
                if only and part.name not in only:
                    continue
                left = deadline - time.monotonic()
                start = time.monotonic()
                if left < part.least:
                    state = f"skipped: {max(left, 0):.0f} s were left"
                else:
                    limit = min(part.most, left)
                    click.echo(f"{part.name}: at most {limit:.0f} s")
                    state = run_part(part, limit, out, files, process, results, tiny)
                results.end(part.name, state, time.monotonic() - start)
                click.echo(f"{part.name}: {state}")
        finally:
            process.stop()
            said = log.read_text(encoding="utf-8", errors="replace")
            (out / "log.txt").write_text(processes.without_paths(said), encoding="utf-8")
    click.echo(results.markdown())


def run_part(
    part: Part,
    seconds: float,
    out: Path,
    files: Path,
    process: Worker,
    results: report.Results,
    tiny: bool,
) -> str:
    """Run a part and return how it ended; its errors don't affect other parts."""
    try:
        if part.name == CHECKS:
            results.take_checks(checks.run(files, out, seconds, tiny))
            return "done"
        if part.name == PROFILE:
            return profiled.run(out, seconds, results)
        return process.ask(part, seconds, results)
    except Exception as error:
        return f"failed: {worker.one_line(error)}"


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--minutes", default=8.0, show_default=True, help="for all parts together")
@click.option("--commit", help="of the checkout, where there is no .git")
@click.option(
    "--part",
    "only",
    multiple=True,
    type=click.Choice([part.name for part in PARTS]),
    help="only this part; may be given several times",
)
@click.option("--tiny", is_flag=True, help="tiny sizes, to try the script; the times say nothing")
def main(out: Path, minutes: float, commit: str | None, only: tuple[str, ...], tiny: bool) -> None:
    """Test and measure the library on a GPU."""
    prove(out, 60 * minutes, commit, tiny, only)


if __name__ == "__main__":
    main()
