"""How fast `convcli fit` learns: an epoch in steady state beside PyTorch, in turn with it, and whole processes.

    python tests/benchmarks/training.py [--rounds N] [--json]

PyTorch is needed. Networks, batches, optimizer (Adam) and data are the same for both, float32. Figures are medians over
the rounds; a ratio is the median over the rounds of convcli's time to PyTorch's.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# As the command line does; PyTorch does not go by this name.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import measure
import numpy as np
import torch

import convcli
from convcli.engine.bind_weights import WeightSource
from convcli.engine.run import NamedArrays
from convcli.learning.options import Options
from convcli.learning.prepare_training import prepare_training

SAMPLES = ROOT / "samples"
Network = Sequence[str]
# Layers for convcli, and for PyTorch, on samples of a shape in batches.
NETWORKS: dict[str, tuple[Network, Network, tuple[int, ...], int, int]] = {
    "digits: 8², 16 and 32 filters": (
        ("Conv2D(16, 3, activation='relu')", "Conv2D(32, 3, activation='relu')", "MaxPooling2D(2)"),
        ("Conv2d(1, 16, 3)", "ReLU()", "Conv2d(16, 32, 3)", "ReLU()", "MaxPool2d(2)"),
        (8, 8, 1),
        1347,
        32,
    ),
    "the same, padded": (
        (
            "Conv2D(16, 3, padding='same', activation='relu')",
            "Conv2D(32, 3, padding='same', activation='relu')",
            "MaxPooling2D(2)",
        ),
        ("Conv2d(1, 16, 3, padding=1)", "ReLU()", "Conv2d(16, 32, 3, padding=1)", "ReLU()", "MaxPool2d(2)"),
        (8, 8, 1),
        1347,
        32,
    ),
    "28², 32 and 64 filters": (
        ("Conv2D(32, 3, activation='relu')", "Conv2D(64, 3, activation='relu')", "MaxPooling2D(2)"),
        ("Conv2d(1, 32, 3)", "ReLU()", "Conv2d(32, 64, 3)", "ReLU()", "MaxPool2d(2)"),
        (28, 28, 1),
        512,
        64,
    ),
    "32², batch-normalised, stride 2": (
        ("Conv2D(32, 3, padding='same')", "BatchNormalization()", "ReLU()", "Conv2D(64, 3, strides=2)", "ReLU()"),
        ("Conv2d(3, 32, 3, padding=1)", "BatchNorm2d(32)", "ReLU()", "Conv2d(32, 64, 3, stride=2)", "ReLU()"),
        (32, 32, 3),
        256,
        32,
    ),
}
TORCH = """
import numpy as np, torch
from torch import nn
x, t = {data}
network = nn.Sequential({layers})
optimizer, loss = torch.optim.Adam(network.parameters(), 1e-3, eps=1e-7), {loss}
for _ in range({epochs}):
    order = torch.randperm(len(x))
    for start in range(0, len(x), 32):
        chosen = order[start : start + 32]
        optimizer.zero_grad()
        loss(network(x[chosen]), t[chosen]).backward()
        optimizer.step()
np.savez({output!r}, **{{name: each.numpy() for name, each in network.state_dict().items()}})
"""


def ours(layers: Network, x: np.ndarray, classes: np.ndarray, batch_size: int) -> Callable[[], object]:
    """An epoch of convcli: a training that is stopped before the batch after."""
    model = convcli.load([*layers, "Flatten()", "Dense(10, activation='softmax')"])
    options = Options(epochs=1 << 20, batch_size=batch_size)
    inputs = NamedArrays({"input": x}, model.data_format)
    targets = NamedArrays({model.outputs[0]: classes}, model.data_format)
    training = prepare_training(model, inputs, targets, options, WeightSource())
    batches = -(-len(x) // batch_size)

    def epoch() -> object:
        asked = iter([*[False] * batches, True])
        return training.run(should_stop=lambda: next(asked))

    return epoch


def theirs(layers: Network, x: np.ndarray, classes: np.ndarray, batch_size: int) -> Callable[[], object]:
    """An epoch of PyTorch."""
    own = [eval(f"torch.nn.{layer}", {"torch": torch}) for layer in layers]
    images, targets = torch.from_numpy(np.moveaxis(x, -1, 1).copy()), torch.from_numpy(classes)
    features = torch.nn.Sequential(*own, torch.nn.Flatten())
    network = torch.nn.Sequential(features, torch.nn.Linear(features(images[:1]).shape[1], 10))
    optimizer, loss = torch.optim.Adam(network.parameters(), 1e-3, eps=1e-7), torch.nn.CrossEntropyLoss()

    def epoch() -> None:
        order = torch.randperm(len(images))
        for start in range(0, len(images), batch_size):
            chosen = order[start : start + batch_size]
            optimizer.zero_grad()
            loss(network(images[chosen]), targets[chosen]).backward()
            optimizer.step()

    return epoch


def epochs(rounds: int) -> list[dict[str, Any]]:
    """A row for each network."""
    rows = []
    for name, (layers, peer, shape, samples, batch_size) in NETWORKS.items():
        random = np.random.default_rng(0)
        x = random.normal(size=(samples, *shape)).astype(np.float32)
        classes = random.integers(0, 10, samples)
        calls = {"convcli": ours(layers, x, classes, batch_size), "PyTorch": theirs(peer, x, classes, batch_size)}
        rows.append(row(name, measure.time_calls(calls, rounds)))
    return rows


def processes(rounds: int, folder: Path) -> list[dict[str, Any]]:
    """A row for each worked example as a whole process, of as many epochs for both."""
    rows = []
    for name, (arguments, data, layers, loss, count) in worked(folder).items():
        program = TORCH.format(data=data, layers=layers, loss=loss, epochs=count, output=str(folder / "torch.npz"))
        own = [sys.executable, "-m", "convcli", "fit", *arguments, "--epochs", str(count), "-o", str(folder / "w.npz")]
        times = measure.time_processes({"convcli": own, "PyTorch": [sys.executable, "-c", program]}, rounds)
        rows.append(row(f"{name}, {count} epochs", {each: [one for one, _ in found] for each, found in times.items()}))
    return rows


def worked(folder: Path) -> Mapping[str, tuple[list[str], str, str, str, int]]:
    """The worked examples: arguments of convcli, and for PyTorch data, layers and loss; and how many epochs."""

    def first(name: str) -> str:
        array = np.load(SAMPLES / f"{name}.npy").astype(np.float32)
        np.save(folder / f"{name}.npy", np.moveaxis(array, -1, 1))
        return f"torch.from_numpy(np.load({str(folder / f'{name}.npy')!r}))"

    with np.load(SAMPLES / "digits.npz") as digits:
        np.save(folder / "images.npy", np.moveaxis(digits["images"][:1347], -1, 1).astype(np.float32) / 16)
        np.save(folder / "classes.npy", digits["classes"][:1347].astype(np.int64))
    images, classes = (f"torch.from_numpy(np.load({str(folder / f'{name}.npy')!r}))" for name in ("images", "classes"))
    layers = "nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()"
    lines, bumps = ([str(SAMPLES / f"{name}.npy") for name in pair] for pair in (LINES, BUMPS))
    archive = str(SAMPLES / "digits.npz")
    return {
        "lines": (
            [*lines, "-l", "Conv2D(1, 3)"],
            ", ".join(map(first, LINES)),
            "nn.Conv2d(1, 1, 3)",
            "nn.MSELoss()",
            313,
        ),
        "bumps": (
            [*bumps, "-l", "Conv1D(1, 3)"],
            ", ".join(map(first, BUMPS)),
            "nn.Conv1d(1, 1, 3)",
            "nn.MSELoss()",
            1250,
        ),
        "digits": (
            [f"{archive}:images", f"{archive}:classes", str(SAMPLES / "digits.yaml"), "--validation-split", "0.25"],
            f"{images}, {classes}",
            f"{layers}, nn.Linear(128, 10)",
            "nn.CrossEntropyLoss()",
            30,
        ),
    }


LINES, BUMPS = ("line-images", "line-maps"), ("bumps", "bump-maps")


def row(name: str, times: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Medians in milliseconds, and the ratio."""
    medians = {each: 1e3 * statistics.median(found) for each, found in times.items()}
    return {"name": name, "ms": medians, "ratio": measure.median_ratio(times["convcli"], times["PyTorch"])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="rounds that count")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    os.environ["PYTHONPATH"] = str(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        rows = {
            "epoch": epochs(arguments.rounds),
            "whole process": processes(max(1, arguments.rounds // 2), Path(folder)),
        }
    versions = {"python": platform.python_version(), "numpy": np.__version__, "torch": torch.__version__}
    if arguments.json:
        print(json.dumps({**versions, "cores": os.cpu_count(), **rows}, indent=2))
        return
    print(", ".join(f"{name} {version}" for name, version in versions.items()), f"{os.cpu_count()} cores", sep=", ")
    for part, each in rows.items():
        print(f"\n{part:<44} convcli ms  PyTorch ms  ratio")
        for one in each:
            print(f"{one['name']:<44} {one['ms']['convcli']:10.1f} {one['ms']['PyTorch']:11.1f} {one['ratio']:6.2f}")


if __name__ == "__main__":
    main()
