"""`tinygzsl info`: versions, cores, and which devices can be used."""

import click

from .common import emit, errors_as_sentences, json_option


@click.command()
@json_option
@errors_as_sentences
def info(as_json):
    """Show versions, cores and usable devices."""
    from ..backend import cuda_status
    from ..presets import PRESETS
    from ..runs import environment

    usable, why = cuda_status()
    facts = {**environment(), "cuda": {"usable": usable, "device" if usable else "reason": why}}
    facts["presets"] = list(PRESETS)
    versions = ", ".join(f"{k} {v or 'not installed'}" for k, v in facts["versions"].items())
    threads = ", ".join(f"{k}={v}" for k, v in facts["threads"].items()) or "the libraries' own"
    lines = [
        versions,
        f"platform  {facts['platform']}, {facts['cores']} cores, thread settings: {threads}",
        "cpu       usable",
        f"cuda      {why if usable else 'not usable: ' + why}",
        f"presets   {', '.join(PRESETS)}",
    ]
    emit(facts, as_json, "\n".join(lines))
