"""A run takes no more memory than its estimate, and the estimate is not far above what the run takes."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from levels import core_at
from programs import program_of
from strategies import NUMBERING, OTHERS

from convcli.engine import memory_estimate

MIB = 1 << 20
GROWTH = {2: 40_000, 3: 60, 4: 10}  # by how much each spatial axis is longer than in `strategies`, by the shape's rank
CONVOLUTIONS = (
    ("Conv2D(16, 3, padding='same', activation='relu')", (300, 300, 16)),
    ("Conv2D(1, 15)", (700, 700, 1)),
    ("Conv2DTranspose(8, 5, strides=3)", (150, 150, 8)),
    ("DepthwiseConv2D(7)", (300, 300, 32)),
    ("SeparableConv2D(32, 3)", (200, 200, 32)),
    ("Conv1D(16, 65, padding='causal')", (60_000, 8)),
    ("Conv3D(8, 3)", (40, 50, 50, 4)),
    ("MaxPooling2D(5, strides=1)", (400, 400, 16)),
    ("AveragePooling2D(3, padding='same')", (400, 400, 16)),
    ("MaxPooling2D(301, strides=1, padding='same')", (300, 300, 8)),
    ("Conv2D(8, 3, padding='same', padding_mode='reflect', activation='softmax')", (300, 300, 8)),
)
BRANCHES = {
    "layers": [
        {"conv2d": {"name": "a", "filters": 8, "kernel_size": 3, "padding": "same"}},
        {"batch_normalization": {}},
        {"re_lu": {"name": "r"}},
        {"conv2d": {"name": "b", "filters": 8, "kernel_size": 3, "padding": "same"}},
        {"add": {"name": "s", "inputs": ["b", "r"]}},
        {"concatenate": {"name": "c", "inputs": ["s", "a", "input"]}},
        {"max_pooling2d": {"pool_size": 2}},
        {"up_sampling2d": {"size": 2, "interpolation": "bilinear"}},
    ]
}


def enlarged(layer, shape):
    """Return a shape that the layer takes too, large enough that its values count beside the rest of the program."""
    if "Reshape" in str(layer):  # into (2, -1, 5)
        return (200, 160, 25)
    return (*(extent * GROWTH.get(len(shape), 1) for extent in shape[:-1]), shape[-1])


CASES = (
    *((layer, enlarged(layer, shape)) for layer, shape in OTHERS + NUMBERING),
    *CONVOLUTIONS,
    (BRANCHES, (300, 300, 4)),
)


def bytes_taken(program, x):
    """Return the most memory that a run takes beside its input, which was there before."""
    tracemalloc.start()
    try:
        program({"input": x})
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        program.close()


@pytest.mark.parametrize(
    ("layer", "shape"), CASES, ids=lambda value: str(value)[:40] if isinstance(value, str | dict) else ""
)
@pytest.mark.parametrize("core", ["numpy", "avx512"])
def test_a_run_takes_no_more_than_its_estimate(core, layer, shape, monkeypatch):
    scratch = 2 * memory_estimate.SCRATCH_PER_THREAD
    monkeypatch.setattr(memory_estimate, "SCRATCH_PER_THREAD", 0)  # so that the values alone are estimated
    layers = layer if isinstance(layer, dict) else [layer]
    with core_at(core):
        program = program_of(layers, shape, dtype="float32", tolerance=1e-5, samples=2, threads=2)
        x = np.ones((2, *shape), "float32")
        taken, estimate = bytes_taken(program, x), program.bytes_needed(2)
    assert taken <= estimate + scratch
    if core == "numpy":  # the native core takes less for some operations
        assert estimate <= 6 * taken + 4 * x.nbytes + MIB


SUITABLE_ALGORITHMS = (
    ("Conv2D(1, 3)", (8, 8, 1), "auto patches banded winograd space_to_depth fourier plain"),
    ("Conv2D(1, 9)", (400, 400, 1), "auto patches banded space_to_depth fourier plain"),
    ("Conv2D(64, 3, padding='same')", (56, 56, 64), "auto patches winograd plain"),
    ("DepthwiseConv2D(5, padding='same')", (100, 100, 32), "auto patches channelwise plain"),
    ("Conv2DTranspose(8, 4, strides=2)", (60, 60, 8), "auto phases plain"),
    ("Conv1D(1, 129)", (50_000, 1), "auto patches banded fourier interleaved plain"),
    ("MaxPooling2D(3)", (100, 100, 8), "auto"),
)


@pytest.mark.parametrize(
    ("layer", "shape", "algorithm"),
    [(layer, shape, algorithm) for layer, shape, names in SUITABLE_ALGORITHMS for algorithm in names.split()],
)
def test_many_threads_take_no_more_for_little_work(layer, shape, algorithm):
    options = {"algorithm": algorithm, "tolerance": 1e-5, "threads": 16}
    program = program_of([layer], shape, dtype="float32", **options)
    taken, estimate = bytes_taken(program, np.ones((1, *shape), "float32")), program.bytes_needed(1)
    assert taken <= estimate <= 16 * memory_estimate.SCRATCH_PER_THREAD + 8 * taken
    if shape == (8, 8, 1):
        assert estimate < 8 * MIB


def test_the_scratch_memory_of_large_pooling_windows_is_counted():
    program = program_of(["MaxPooling2D(501, strides=1, padding='same')"], (500, 500, 8), dtype="float32", threads=2)
    taken, estimate = bytes_taken(program, np.ones((1, 500, 500, 8), "float32")), program.bytes_needed(1)
    assert 2 * 500 * 1000 * 8 * 4 < taken <= estimate <= 3 * taken
