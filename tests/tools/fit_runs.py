"""Runs of `convcli fit` on small random data, which the tests of that command share."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

LINES = ("samples/line-images.npy", "samples/line-maps.npy", "-l", "Conv2D(1, 3)")
UPRIGHT = [[0, 1, 0]] * 3  # the filter that the sample maps of lines were made with
SAMPLES = 24
# What training does and a run does not: dropout, statistics of batches.
NETWORK = """
layers:
  - conv2d: {filters: 3, kernel_size: 3, activation: tanh}
  - batch_normalization: {momentum: 0.8}
  - dropout: 0.3
  - flatten
  - dense: {units: 3, activation: softmax}
"""
CONVOLUTION = ("-l", "Conv2D(1, 3)")
Arrays = dict[str, np.ndarray]


def write_data(folder: Path) -> Path:
    """Write random images `x.npy`, maps `maps.npy` and classes `classes.npy`, and `network.yaml` for the classes."""
    random = np.random.default_rng(3)
    np.save(folder / "x.npy", random.normal(size=(SAMPLES, 6, 6, 1)))
    np.save(folder / "maps.npy", random.normal(size=(SAMPLES, 4, 4, 1)))
    np.save(folder / "classes.npy", random.integers(0, 3, SAMPLES))
    (folder / "network.yaml").write_text(NETWORK)
    return folder


def read_npz(file: Path) -> Arrays:
    """Return the arrays of an NPZ file."""
    with np.load(file) as archive:
        return dict(archive)


def run_fit(
    convcli: Callable[..., Any], folder: Path, *arguments: Any, model: Sequence[str] = CONVOLUTION
) -> tuple[Any, Arrays]:
    """Run fit on files in the folder, or samples; return the answer, as JSON has it, and the weights."""
    files = [folder / text if (folder / text).is_file() else text for text in map(str, arguments)]
    result = convcli("fit", *files, *model, "-o", folder / "w.npz", "-f", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout), read_npz(folder / "w.npz")


def assert_same(weights: Arrays, expected: Arrays) -> None:
    """Assert that two sets of weights, which are not empty, are equal bit for bit."""
    assert weights
    assert weights.keys() == expected.keys()
    for key, array in weights.items():
        assert array.dtype == expected[key].dtype, key
        np.testing.assert_array_equal(array, expected[key], err_msg=key)
