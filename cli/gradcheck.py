"""`tinygzsl gradcheck`: every hand-written gradient against finite differences."""

import click

from .common import FAILED, emit, errors_as_sentences, json_option


@click.command()
@json_option
@errors_as_sentences
def gradcheck(as_json):
    """Check every gradient against finite differences.

    Prints a table of relative errors and exits with 1 if one is above the tolerance.
    """
    from ..explain.checks import run_all
    from ..explain.gradcheck import STEPS, TOLERANCE

    results = list(run_all())
    failed = [r for r in results if not r.passed]
    width = max(len(r.name) for r in results)
    lines = [f"{'gradient':{width}}  directions  relative error"]
    lines += [
        f"{r.name:{width}}  {r.directions:10}  {r.error:14.1e}{'' if r.passed else '  FAILED'}"
        for r in results
    ]
    lines.append(
        f"{len(results) - len(failed)} of {len(results)} below {TOLERANCE:g} "
        f"(float64, central differences of step {STEPS[0]:g} along random directions)"
    )
    facts = {
        "passed": not failed,
        "tolerance": TOLERANCE,
        "checks": [
            {
                "name": r.name,
                "directions": r.directions,
                "error": r.error if r.error == r.error else None,
                "passed": r.passed,
            }
            for r in results
        ],
    }
    emit(facts, as_json, "\n".join(lines))
    if failed:
        raise SystemExit(FAILED)
