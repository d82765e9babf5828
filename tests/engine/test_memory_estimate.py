"""What a run is said to take of memory is never less than what it takes, nor far more."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from strategies import NUMBERING, OTHERS

import convcli
from convcli.engine import memory_estimate
from convcli.engine.algorithms.table import ALGORITHMS
from convcli.engine.bind_weights import WeightSource, bind
from convcli.engine.execution import Execution
from convcli.engine.program import build_program
from convcli.model.plan import make_plan

LARGER = {2: 40_000, 3: 60, 4: 10}  # times as large along each axis in space, by rank
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


def larger(shape):
    return (*(extent * LARGER.get(len(shape), 1) for extent in shape[:-1]), shape[-1])


def alike(layer, shape):
    return larger(shape) if "Reshape" not in str(layer) else (200, 160, 25)


CASES = [(layer, alike(layer, shape)) for layer, shape in OTHERS + NUMBERING] + [
    *CONVOLUTIONS,
    (BRANCHES, (300, 300, 4)),
]


@pytest.mark.parametrize(
    ("layer", "shape"), CASES, ids=lambda each: str(each)[:40] if isinstance(each, str | dict) else ""
)
def test_what_a_run_takes(layer, shape, monkeypatch):
    monkeypatch.setattr(memory_estimate, "SCRATCH_PER_THREAD", 0)
    model = convcli.load(layer if isinstance(layer, dict) else [layer])
    plan = make_plan(model, {"input": shape})
    bound = bind(plan, WeightSource(seed=0), "float32")
    program = build_program(plan, bound, model.outputs, Execution(dtype="float32", threads=2), samples=2)
    x = {"input": np.ones((2, *shape), "float32")}
    tracemalloc.start()
    program(x)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    program.close()
    said = program.bytes_needed(2)
    assert taken <= said + 2 * (12 << 20)  # the scratch of two threads
    assert said <= 6 * taken + x["input"].nbytes * 4 + (1 << 20)


@pytest.mark.parametrize("algorithm", ["auto", *(way for way in ALGORITHMS if way != "compiled")])
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ("Conv2D(1, 3)", (8, 8, 1)),
        ("Conv2D(1, 9)", (400, 400, 1)),
        ("Conv2D(64, 3, padding='same')", (56, 56, 64)),
        ("DepthwiseConv2D(5, padding='same')", (100, 100, 32)),
        ("Conv2DTranspose(8, 4, strides=2)", (60, 60, 8)),
        ("Conv1D(1, 129)", (50_000, 1)),
        ("MaxPooling2D(3)", (100, 100, 8)),
    ],
)
def test_many_threads_take_no_more_for_little_work(algorithm, layer, shape):
    model = convcli.load([layer])
    plan = make_plan(model, {"input": shape})
    execution = Execution(dtype="float32", algorithm=algorithm, threads=16, compiled=False)
    try:
        program = build_program(plan, bind(plan, WeightSource(seed=0), "float32"), model.outputs, execution)
    except convcli.ConvcliError:
        return  # the way does not suit
    tracemalloc.start()
    program({"input": np.ones((1, *shape), "float32")})
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    program.close()
    said = program.bytes_needed(1)
    assert taken <= said <= 16 * memory_estimate.SCRATCH_PER_THREAD + 8 * taken
    assert said < 8 << 20 or shape != (8, 8, 1)
