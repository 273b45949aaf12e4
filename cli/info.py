"""`tinygzsl info`: versions, cores and usable devices."""

import click

from .common import emit, errors_as_sentences, json_option


@click.command()
@json_option
@errors_as_sentences
def info(as_json):
    """Show versions, cores and usable devices."""
    from ..kernels.dispatch import numba_version
    from ..runs.manifest import environment
    from ..runtime.backend import cuda_facts
    from ..runtime.threads import default_threads
    from ..settings import BEST, PRESETS

    usable, gpu = cuda_facts()
    numba = numba_version()
    facts = environment()
    facts["threads"] = default_threads()
    facts["cpu"] = {"usable": True, "kernels": f"Numba {numba}" if numba else "NumPy, slower"}
    facts["cuda"] = {"usable": usable, **gpu}
    facts["presets"] = [*PRESETS, BEST]
    versions = ", ".join(f"{k} {v or 'not installed'}" for k, v in facts["versions"].items())
    variables = "".join(f", {k}={v}" for k, v in facts["thread_variables"].items())
    lines = [
        versions,
        f"platform  {facts['platform']}, {facts['cores']} cores",
        f"threads   {facts['threads']} by default{variables}",
        f"cpu       usable, kernels by {facts['cpu']['kernels']}",
        f"cuda      {_gpu_line(gpu) if usable else 'not usable: ' + gpu['reason']}",
        f"presets   {', '.join(facts['presets'])}",
    ]
    emit(facts, as_json=as_json, text="\n".join(lines))


def _gpu_line(gpu):
    from ..nn.device_memory import gigabytes

    return (
        f"usable, {gpu['device']}, compute capability {gpu['compute_capability']}, "
        f"{gigabytes(gpu['memory_free'])} of {gigabytes(gpu['memory_total'])} free, "
        f"CuPy {gpu['cupy']} for CUDA {gpu['runtime']}, driver for CUDA {gpu['driver']}, "
        f"NVRTC {gpu['nvrtc']}"
    )
