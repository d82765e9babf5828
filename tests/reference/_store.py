"""What the generators share: seeded arrays, and the pair of files (X.json, X.npz) tests read."""

import json
from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

import numpy as np

HERE = Path(__file__).parent
GRID = 64  # drawn numbers are multiples of 1/64: they compress, and sums of products are exact
BATCH = 2


class Draw:
    """The arrays of one case, seeded by its name; integers if the name ends in `-integer`."""

    def __init__(self, name: str) -> None:
        self.integer = name.endswith("-integer")
        self.rng = np.random.default_rng(crc32(name.encode()))

    def normal(self, shape: Iterable[int]) -> np.ndarray:
        if self.integer:
            return self.rng.integers(-4, 5, tuple(shape)).astype(float)
        return np.round(self.rng.standard_normal(tuple(shape)) * GRID) / GRID

    def weight(self, variable: str, shape: Iterable[int]) -> np.ndarray:
        """Any numbers, but positive ones for a variance."""
        drawn = self.normal(shape)
        return np.abs(drawn) + 0.25 if variable.endswith("variance") else drawn


class Store:
    """Cases in order, and their arrays: whole, float64, batch first, channels last."""

    def __init__(self) -> None:
        self.cases: dict[str, dict] = {}
        self.arrays: dict[str, np.ndarray] = {}

    def add(
        self, name: str, layer: dict, inputs: list, weights: dict, output: np.ndarray, tolerance: float | None = None
    ) -> None:
        if name in self.cases:
            raise ValueError(f"two cases are called {name}")
        several = len(inputs) > 1
        named = {f"input{i}" if several else "input": x for i, x in enumerate(inputs)}
        self.cases[name] = {"name": name, "layer": layer, "inputs": list(named), "weights": list(weights)}
        if tolerance:
            self.cases[name]["tolerance"] = tolerance
        for key, array in {**named, **weights, "output": output}.items():
            array = np.asarray(array, dtype=np.float64)
            if not np.isfinite(array).all() or not array.size:
                raise ValueError(f"{name}/{key} is empty or not finite")
            self.arrays[f"{name}/{key}"] = array + 0.0  # no negative zeros

    def write(self, stem: str, made_with: dict[str, str]) -> None:
        write_lines(stem, {"made_with": made_with, "cases": list(self.cases.values())})
        np.savez_compressed(HERE / f"{stem}.npz", **self.arrays)
        sizes = [f"{(HERE / f'{stem}.{s}').stat().st_size / 1000:.0f} kB" for s in ("json", "npz")]
        print(f"{stem}: {len(self.cases)} cases, json {sizes[0]}, npz {sizes[1]}")


def write_lines(stem: str, content: dict) -> None:
    """JSON: a key a line, and of a list an item a line."""
    parts = []
    for key, value in content.items():
        text = json.dumps(value)
        if isinstance(value, list):
            text = "[\n" + ",\n".join(f" {json.dumps(item)}" for item in value) + "\n]"
        parts.append(f"{json.dumps(key)}: {text}")
    (HERE / f"{stem}.json").write_text("{\n" + ",\n".join(parts) + "\n}\n")
