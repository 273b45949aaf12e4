"""Time until the first training step in a new process, without and with cached kernels.

python bench/startup.py
"""

import json
import os
import subprocess
import sys
import tempfile

FIT = """
import time
start = time.perf_counter()
import json, warnings
import numpy as np
import tinygzsl as tz

first = []
rng = np.random.default_rng(0)
y = np.arange(800) % 20
X = rng.random((800, 512), dtype=np.float32) + 0.01 * y[:, None].astype(np.float32)
A = rng.random((20, 32), dtype=np.float32)
model = tz.EntropySeparationGZSL(
    preset="small", gan_max_epochs=2, cs_low=0.0, cs_high=1e-4, vsmm_epochs=2,
    callback=lambda step, logs: step and first.append(time.perf_counter() - start),
)
warnings.simplefilter("ignore")
model.fit(X, y, A).route(X, A + 1, np.arange(100, 120))
print(json.dumps([first[0], time.perf_counter() - start]))
"""


def main():
    print(
        "kernels   first step, s   fit and route, s   (both since the start of `import tinygzsl`)"
    )
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "NUMBA_CACHE_DIR": folder}
        for state in ("compiled", "cached", "cached"):
            command = [sys.executable, "-c", FIT]
            run = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
            first, whole = json.loads(run.stdout)
            print(f"{state:8}  {first:13.2f}   {whole:16.2f}")


if __name__ == "__main__":
    main()
