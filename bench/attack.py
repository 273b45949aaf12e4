"""Adversarial cases against the package, each with an expectation that is checked.

    python bench/attack.py --cases 20000                       # counts by family, and findings
    python bench/attack.py --family labels --case 17 --keep f  # repeats one, and keeps its folder
    python bench/attack.py --faults                            # do cases notice undone protections?

Every case is a function of (family, seed, number) and works in a temporary folder of its own, with
the command line in this process. Families: arrays in every layout, labels in every form, names of
columns and classes, forged files with valid checksums, options, --resume of wrong folders, output
paths of every kind. The exit code is 1 if anything is found, or a planted fault is not. Linux and
macOS.
"""

import argparse
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

# Shares of the cases, in percent: those that run a command or train are slower.
SHARES = {
    "layouts": 32,
    "labels": 20,
    "names": 10,
    "forged": 20,
    "options": 10,
    "resume": 2,
    "outputs": 6,
}


def run_all(families, cases, *, seed):
    """Return {family: Counter of kinds}, and {family: {what: [(case, text)]}} of the findings."""
    from attacking import case

    whole = sum(SHARES[family] for family in families)
    kinds, found = {}, {}
    for family in families:
        count, started = -(-cases * SHARES[family] // whole), time.monotonic()
        kinds[family], found[family], slowest = Counter(), defaultdict(list), 0.0
        for index in range(count):
            outcome = case.run(family, seed, index)
            kinds[family][outcome.kind] += 1
            slowest = max(slowest, outcome.seconds)
            if outcome.kind == "finding":
                found[family][outcome.what].append((index, outcome.text))
        seconds = time.monotonic() - started
        print(f"{family}: {count} in {seconds:.0f} s, slowest {slowest:.1f} s", file=sys.stderr)
    return kinds, found


def table(kinds):
    """Return the table of bench/README.md."""
    lines = ["| family | cases | accepted | refused | findings |", "|---|---:|---:|---:|---:|"]
    for name, row in {**kinds, "all": sum(kinds.values(), Counter())}.items():
        counts = (row.total(), *(row[kind] for kind in ("accepted", "refused", "finding")))
        lines.append(f"| {name} | " + " | ".join(f"{count:,}" for count in counts) + " |")
    return "\n".join(lines)


def show_findings(found, *, seed):
    """Print each kind of finding once, with the command that repeats it."""
    for family, by_what in found.items():
        for cases in by_what.values():
            index, text = cases[0]
            again = f"--family {family} --seed {seed} --case {index}"
            print(f"\n{len(cases)} x {ascii(text)[1:-1][:400]}\n    {again}")


def plant_faults(*, seed):
    """Print which case notices each fault; return whether all are noticed."""
    from attacking.faults import FAULTS, caught_by

    noticed = 0
    for fault in FAULTS:
        try:
            index = caught_by(fault, seed=seed)
        except (ImportError, AttributeError) as error:
            print(f"{fault.what}: can't be planted ({error})")
            continue
        by = "not noticed" if index is None else f"noticed by {fault.family} {index}"
        print(f"{fault.what}: {by}", flush=True)
        noticed += index is not None
    print(f"{noticed} of {len(FAULTS)} faults noticed")
    return noticed == len(FAULTS)


def main():
    """Run cases; the exit code is 1 if there are findings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000, help="over all families together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--family", choices=SHARES, help="only this one")
    parser.add_argument("--case", type=int, help="only this one, again")
    parser.add_argument("--keep", type=Path, help="new folder for the files of --case")
    parser.add_argument("--faults", action="store_true", help="plant faults instead")
    options = parser.parse_args()
    if options.faults:
        return int(not plant_faults(seed=options.seed))
    if options.case is not None:
        from attacking import case

        keep = options.keep and options.keep.resolve()
        outcome = case.run(options.family, options.seed, options.case, keep=keep)
        print(*outcome[:3], sep="\n")
        return int(outcome.kind == "finding")
    families = [options.family] if options.family else list(SHARES)
    kinds, found = run_all(families, options.cases, seed=options.seed)
    print(table(kinds))
    show_findings(found, seed=options.seed)
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
