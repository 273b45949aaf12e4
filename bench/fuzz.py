"""The full run of the mutation fuzzer over all readers.

    python bench/fuzz.py --cases 200000 --out fuzz.json      # continues where it was stopped
    python bench/fuzz.py --reader npz --case 1234            # repeats one case, and keeps its files

Every case is a function of (reader, seed, case). Its file must either load into an object whose
invariants hold, or be refused by one of the library's errors of one sentence. This must take at
most 5 s and 200 MB of additional memory (damaged files are small). Cases run in worker processes,
which are replaced when they die or hang.
"""

import argparse
import json
import multiprocessing
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

CHUNK = 500  # cases sent to a worker at a time
PATIENCE = 15.0  # seconds without an answer after which a worker counts as hanging


def work(pipe):
    """Run the cases that come through the pipe, in a worker process."""
    import warnings

    warnings.simplefilter("ignore")
    from fuzzing import case

    for reader, seed, first, last in iter(pipe.recv, None):
        case.run(reader, seed, first)  # creates its files before memory is measured
        with case.limited_memory():
            for index in range(first, last):
                pipe.send((index, *case.run(reader, seed, index)))
        pipe.send(None)


class Worker:
    """A process that runs cases; it is replaced when it dies or hangs."""

    def __init__(self):
        self.process = None

    def start(self):
        """Start the process."""
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=work, args=(other,), daemon=True)
        self.process.start()
        other.close()
        self.patience = 120.0  # the first answer includes imports and the undamaged files

    def cases(self, reader, *, seed, first, last):
        """Yield (index, kind, text, seconds) of the cases first .. last - 1."""
        while first < last:
            if self.process is None:
                self.start()
            self.pipe.send((reader, seed, first, last))
            try:
                while answer := self._answer():
                    yield answer
                    first = answer[0] + 1
                return
            except EOFError:
                self.process.join()
                why = f"the process died (exit code {self.process.exitcode})"
            except TimeoutError:
                self.process.kill()
                why = f"no answer for {PATIENCE:.0f} s"
            self.process = None
            yield first, "finding", why, 0.0
            first += 1

    def _answer(self):
        if not self.pipe.poll(self.patience):
            raise TimeoutError
        self.patience = PATIENCE
        return self.pipe.recv()


def run_all(readers, cases, *, seed, jobs, out):
    """Return {reader: {"done", "loaded", "refused", "findings", "slowest"}}; saved to `out` too."""
    state = json.loads(out.read_text()) if out and out.exists() else {"seed": seed, "readers": {}}
    if state["seed"] != seed:
        raise SystemExit(f"{out} is of seed {state['seed']}; pass it, or another --out")
    share = -(-cases // len(readers))
    started = time.monotonic()

    def of(reader):
        worker = Worker()
        new = {"done": 0, "loaded": 0, "refused": 0, "findings": {}, "slowest": 0.0}
        found = state["readers"].setdefault(reader, new)
        while found["done"] < share:
            first, last = found["done"], min(found["done"] + CHUNK, share)
            kinds, findings, slowest = Counter(), {}, 0.0
            for index, kind, text, seconds in worker.cases(
                reader, seed=seed, first=first, last=last
            ):
                kinds[kind] += 1
                slowest = max(slowest, seconds)
                if kind == "finding":
                    findings[str(index)] = text
                    print(f"{reader} {index}: {text[:300]}", file=sys.stderr)
            for kind in ("loaded", "refused"):
                found[kind] += kinds[kind]
            found["findings"] |= findings
            found["slowest"] = max(found["slowest"], slowest)
            found["done"] = last
            total = sum(r["done"] for r in state["readers"].values())
            line = f"{total} of {share * len(readers)} cases, {time.monotonic() - started:.0f} s"
            print(f"{line}, {reader}", file=sys.stderr)
            if out:
                out.write_text(json.dumps(state, indent=1))
        if worker.process:
            worker.pipe.send(None)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(of, readers))
    return state["readers"]


def table(found):
    """Return the table of bench/README.md."""
    lines = [
        "| reader | cases | loaded | refused | findings | slowest |",
        "|---|---|---|---|---|---|",
    ]
    rows = {**found, "all": _sum(found.values())}
    for name, row in rows.items():
        findings = row["findings"] if name == "all" else len(row["findings"])
        counts = f"{row['done']:,} | {row['loaded']:,} | {row['refused']:,} | {findings}"
        lines.append(f"| {name} | {counts} | {row['slowest']:.2f} s |")
    return "\n".join(lines)


def _sum(rows):
    rows = list(rows)
    total = {key: sum(row[key] for row in rows) for key in ("done", "loaded", "refused")}
    total["findings"] = sum(len(row["findings"]) for row in rows)
    return {**total, "slowest": max(row["slowest"] for row in rows)}


def show(reader, *, seed, index):
    """Run one case in this process, and keep its files in a folder."""
    from fuzzing import case

    folder = Path(f"case-{reader}-{seed}-{index}")
    for name, content in case.damaged(reader, seed, index).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    print(f"{folder}: {case.run(reader, seed, index)}")


def main():
    """Run the fuzzer; the exit code is 1 if there are findings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=200_000, help="over all readers together")
    parser.add_argument("--reader", help="only this one")
    parser.add_argument("--case", type=int, help="only this one, again")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file to continue")
    options = parser.parse_args()
    if options.case is not None:
        show(options.reader, seed=options.seed, index=options.case)
        return 0
    if options.reader:
        readers = [options.reader]
    else:
        from fuzzing.readers import READERS

        readers = list(READERS)
    found = run_all(readers, options.cases, seed=options.seed, jobs=options.jobs, out=options.out)
    print(table(found))
    return int(any(row["findings"] for row in found.values()))


if __name__ == "__main__":
    sys.exit(main())
