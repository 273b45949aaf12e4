"""`tinygzsl info`: versions, cores, and which devices can be used."""

import click

from .common import emit, errors_as_sentences, json_option


@click.command()
@json_option
@errors_as_sentences
def info(as_json):
    """Show versions, cores and usable devices."""
    from ..backend import cuda_status
    from ..kernels.dispatch import numba_version
    from ..presets import PRESETS
    from ..runs import environment
    from ..threads import default_threads

    usable, why = cuda_status()
    facts = {**environment(), "cuda": {"usable": usable, "device" if usable else "reason": why}}
    facts["presets"] = list(PRESETS)
    versions = ", ".join(f"{k} {v or 'not installed'}" for k, v in facts["versions"].items())
    facts["threads"] = default_threads()
    variables = "".join(f", {k}={v}" for k, v in facts["thread_variables"].items())
    facts["kernels"] = f"Numba {numba_version()}" if numba_version() else "NumPy, slower"
    lines = [
        versions,
        f"platform  {facts['platform']}, {facts['cores']} cores",
        f"threads   {facts['threads']} by default{variables}",
        f"cpu       usable, kernels by {facts['kernels']}",
        f"cuda      {why if usable else 'not usable: ' + why}",
        f"presets   {', '.join(PRESETS)}",
    ]
    emit(facts, as_json, "\n".join(lines))
