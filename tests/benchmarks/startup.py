"""How fast `convcli` answers, as whole processes: beside the bare imports it needs, on long models, beside peers.

    python tests/benchmarks/startup.py [--runs N] [--peers PYTHON] [--json]

Commands are run in turn, round after round, and each is given as its median and as the median of its ratio, round by
round, to the one that it is compared with. `--peers` is a Python that has keras or torch and torchinfo, where that is
not this one; peers that it has not are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

PROGRAM = "from convcli.cli import main; main()"
LAYERS = ("Conv2D(8, 3, padding='same')", "ReLU()", "MaxPooling2D(2, strides=1, padding='same')")
KERAS = """
import keras
layers = [keras.Input((28, 28, 1)), keras.layers.Conv2D(40, 3), keras.layers.Conv2D(8, 3), keras.layers.Flatten()]
keras.Sequential([*layers, keras.layers.Dense(10)]).summary()
"""
TORCHINFO = """
import torch, torchinfo
layers = [torch.nn.Conv2d(1, 40, 3), torch.nn.Conv2d(40, 8, 3), torch.nn.Flatten(), torch.nn.Linear(4608, 10)]
torchinfo.summary(torch.nn.Sequential(*layers), (1, 1, 28, 28))
"""


def commands(folder: Path, peers: str) -> dict[str, tuple[list[str], str | None]]:
    """Each command by name, and the name of the one that its time is compared with."""
    mnist = str(Path(__file__).parents[2] / "samples" / "mnist.yaml")
    inline = [word for layer in ("Conv2D(40, 3)", "Conv2D(8, 3)", "Flatten()", "Dense(10)") for word in ("-l", layer)]
    inline += ["-i", "28x28x1"]

    def ours(*words: str) -> list[str]:
        return [sys.executable, "-c", PROGRAM, *words]

    found: dict[str, tuple[list[str], str | None]] = {
        "import click": ([sys.executable, "-c", "import click"], None),
        "convcli --help": (ours("--help"), "import click"),
        "shape -f json": (ours("shape", *inline, "-f", "json"), "import click"),
        "import click, rich": ([sys.executable, "-c", "import click, rich.console, rich.table"], None),
        "shape": (ours("shape", *inline), "import click, rich"),
        "import click, rich, yaml": ([sys.executable, "-c", "import click, rich.console, rich.table, yaml"], None),
        "shape mnist.yaml": (ours("shape", mnist), "import click, rich, yaml"),
        "import click, numpy": ([sys.executable, "-c", "import click, numpy"], None),
        "apply 8×8 by 3×3": (ours("apply", *_toy_files(folder)), "import click, numpy"),
    }
    for count in (10, 100, 1000):
        model = folder / f"{count}.json"
        model.write_text(json.dumps({"input": [28, 28, 1], "layers": [LAYERS[i % len(LAYERS)] for i in range(count)]}))
        found[f"{count} layers, -f json"] = (ours("shape", str(model), "-f", "json"), "shape -f json")
    for name, module, program in (("Keras", "keras", KERAS), ("torchinfo", "torchinfo", TORCHINFO)):
        if subprocess.run([peers, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0:
            found[f"{name}: the same model"] = ([peers, "-c", program], "shape mnist.yaml")
    return found


def _toy_files(folder: Path) -> list[str]:
    """Write an image of 8×8 and a kernel of 3×3; return the arguments that apply the one to the other."""
    for name, side in (("image", 8), ("kernel", 3)):
        np.save(folder / f"{name}.npy", np.arange(side * side, dtype=np.float32).reshape(side, side))
    return [str(folder / "image.npy"), str(folder / "kernel.npy"), "-o", str(folder / "maps.npy")]


def seconds(command: list[str]) -> float:
    """The time that one run takes."""
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    quiet.pop("PYTHONDONTWRITEBYTECODE", None)  # without compiled modules everything starts in twice the time
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=quiet)
    return time.perf_counter() - start


def measured(found: dict[str, tuple[list[str], str | None]], runs: int) -> list[dict[str, object]]:
    """A row for each command, from `runs` rounds after one that does not count."""
    times: dict[str, list[float]] = {name: [] for name in found}
    for turn in range(runs + 1):
        for name, (command, _) in found.items():
            taken = seconds(command)
            if turn:
                times[name].append(taken)
    rows: list[dict[str, object]] = []
    for name, (_, other) in found.items():
        ratios = [one / two for one, two in zip(times[name], times[other], strict=True)] if other else []
        median = statistics.median(ratios) if ratios else None
        rows.append({"command": name, "seconds": statistics.median(times[name]), "to": other, "ratio": median})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15, help="rounds that count")
    parser.add_argument("--peers", default=sys.executable, help="the Python that has keras, torch and torchinfo")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measured(commands(Path(folder), arguments.peers), arguments.runs)
    if arguments.json:
        print(json.dumps({"python": platform.python_version(), "cores": os.cpu_count(), "rows": rows}, indent=2))
        return
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, medians of {arguments.runs} rounds")
    for row in rows:
        ratio = f"{row['ratio']:6.2f} of {row['to']}" if row["to"] else ""
        print(f"{row['command']:<26} {1000 * float(str(row['seconds'])):8.1f} ms  {ratio}")


if __name__ == "__main__":
    main()
