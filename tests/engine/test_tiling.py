"""A part of a result, from parts of the inputs, is that part of the whole result: of layers and through models."""

from __future__ import annotations

import contextlib
import tracemalloc
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import layers

import convcli
from convcli.engine.bind_weights import WeightSource, bind
from convcli.engine.execution import Execution
from convcli.engine.program import Program, build_program
from convcli.engine.restrict_step import Span, Tile, _restrict_window, restrict_step
from convcli.model.plan import make_plan
from convcli.model.steps import Pad
from convcli.model.window import Window


def program(model: Any, shape: tuple[int, ...], dtype: str = "float64") -> Program:
    plan = make_plan(model, {"input": shape})
    return build_program(
        plan, bind(plan, WeightSource(seed=0), dtype), model.outputs, Execution(dtype=dtype, tolerance=0.0)
    )


def cut(array: np.ndarray, box: Tile) -> np.ndarray:
    return array[(slice(None), *(slice(*span) for span in box))]


def compare(model: Any, x: np.ndarray, box: Tile, run: Program) -> dict[str, Tile]:
    """Compute a part of the output from parts of the input and compare it; what of the input was needed."""
    (name,) = model.outputs
    part = run.plan_tile(box)
    needed = {"input": np.array(cut(x, part.input_tiles["input"]))}
    found, expected = run.for_tile(part)(needed)[name], cut(run({"input": x})[name], box)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    return dict(part.input_tiles)


def boxes(shape: tuple[int, ...]) -> st.SearchStrategy[Tile]:
    def span(extent: int) -> st.SearchStrategy[Span]:
        return st.integers(0, extent - 1).flatmap(
            lambda start: st.tuples(st.just(start), st.integers(start + 1, extent))
        )

    return st.tuples(*map(span, shape[:-1]))


@given(st.data(), layers)
@settings(max_examples=100, deadline=None)
def test_a_part_of_a_layer(data, case):
    layer, shape = case
    model = convcli.load([layer])
    run = program(model, shape)
    x = np.random.default_rng(0).normal(size=(2, *shape))
    compare(model, x, data.draw(boxes(run({"input": x})[model.outputs[0]].shape[1:])), run)


UNET = {
    "input": [32, 48, 2],
    "layers": [
        {"conv2d": {"name": "a", "filters": 4, "kernel_size": 3, "padding": "same", "activation": "relu"}},
        {"max_pooling2d": {"name": "b", "pool_size": 2}},
        {"conv2d": {"name": "c", "filters": 4, "kernel_size": 3, "padding": "same", "padding_mode": "reflect"}},
        {"batch_normalization": {"name": "n"}},
        {"conv2d_transpose": {"name": "d", "filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}},
        {"add": {"name": "e", "inputs": ["d", "a"]}},
        {"up_sampling2d": {"name": "f", "size": 2, "interpolation": "bilinear", "inputs": "b"}},
        {"concatenate": {"name": "g", "inputs": ["e", "f", "input"]}},
        {"depthwise_conv2d": {"name": "h", "kernel_size": 5, "dilation_rate": 2, "padding": "same"}},
        {"average_pooling2d": {"name": "i", "pool_size": 3, "strides": 2, "padding": "same"}},
    ],
}


def test_tiles_of_a_network_with_branches():
    model = convcli.load(UNET)
    run = program(model, (32, 48, 2))
    x = np.random.default_rng(1).normal(size=(1, 32, 48, 2))
    spans = [[(0, 4), (4, 8), (8, 13), (13, 16)], [(0, 3), (3, 12), (12, 24)]]
    for box in product(*spans):
        needed = compare(model, x, box, run)
        if box == ((4, 8), (3, 12)):
            # rows 7..16 of h, 3..20 of g, 1..10 of b and d's input at most, two more cells by c
            assert needed["input"][0][1] < 32
    assert len(run._tile_programs) == 3  # those that the next tile may be like


def test_tiles_that_are_alike_share_a_program():
    model = convcli.load(["Conv2D(1, 3, padding='same')"])
    run = program(model, (40, 40, 1))
    x = np.random.default_rng(1).normal(size=(1, 40, 40, 1))
    for place in range(0, 40, 5):
        compare(model, x, ((place, place + 5), (0, 40)), run)
    assert len(run._tile_programs) == 3  # with a border above, below, or none


def test_parts_that_differ_share_memory():
    model = convcli.load(["Conv2D(16, 3, padding='same')", "Conv2D(1, 3, padding='same')"])
    shape = (1200, 400, 1)
    x = np.ones((1, *shape))
    held = []
    with contextlib.closing(program(model, shape)) as run:
        tracemalloc.start()
        for start in (0, 400, 800):
            compare(model, x, ((start, start + 400), (0, 400)), run)
            held.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert len(run._tile_programs) == 3
    assert held[2] < 1.3 * held[0]
    assert not run._tile_programs


@pytest.mark.parametrize(
    ("span", "amounts", "needed"),
    [
        ((0, 10), (2, 3), (0, 5)),
        ((0, 3), (2, 0), (0, 3)),  # the border and the two cells that are reflected in it
        ((3, 6), (0, 0), (1, 4)),
        ((6, 9), (0, 2), (2, 5)),
    ],
)
def test_what_reflection_needs(span, amounts, needed):
    step, _, (needs,) = restrict_step(Pad(((2, 3),), "reflect"), (span,), [(5, 1)], (10, 1))
    assert (step.amounts, needs) == ((amounts,), (needed,))


@pytest.mark.parametrize(
    ("window", "span", "needed", "padding"),
    [
        (Window(3, before=1, after=1), (0, 4), (0, 5), (1, 0)),
        (Window(3, before=1, after=1), (4, 8), (3, 9), (0, 0)),
        (Window(3, before=1, after=1), (8, 10), (7, 10), (0, 1)),
        (Window(3, stride=2), (1, 3), (2, 7), (0, 0)),
        (Window(2, dilation=3), (1, 3), (1, 6), (0, 0)),
        (
            Window(3, before=2, after=2, upsample=2),
            (3, 6),
            (1, 3),
            (1, 1),
        ),  # stretched cells 1 to 5: 2 and 4 are filled
    ],
)
def test_what_a_window_needs(window, span, needed, padding):
    width = 10
    found, made, needs = _restrict_window(window, span, width, window.output_extent(width))
    assert (made, needs, (found.before, found.after)) == (span, needed, padding)
