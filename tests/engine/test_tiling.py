"""A tile of a result, computed from tiles of the inputs, is that tile of the whole result."""

from __future__ import annotations

import contextlib
import tracemalloc
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import UNET, program_of
from strategies import layers

from convcli.engine.program import Program
from convcli.engine.restrict_step import Span, Tile


def tile_of(array: np.ndarray, tile: Tile) -> np.ndarray:
    """Return a tile of each sample of an array `(batch, *spatial, channels)`."""
    return array[(slice(None), *(slice(*span) for span in tile))]


def check_tile(program: Program, x: np.ndarray, tile: Tile) -> Tile:
    """Compute a tile of the result from a tile of the input and compare it; return the tile of the input."""
    (expected,) = (tile_of(value, tile) for value in program({"input": x}).values())
    plan = program.plan_tile(tile)
    (computed,) = program.for_tile(plan)({"input": np.array(tile_of(x, plan.input_tiles["input"]))}).values()
    assert computed.shape == expected.shape
    np.testing.assert_allclose(computed, expected, rtol=1e-12, atol=1e-12)
    return plan.input_tiles["input"]


def tiles(shape: tuple[int, ...]) -> st.SearchStrategy[Tile]:
    """Make tiles of a sample of this shape."""

    def span(extent: int) -> st.SearchStrategy[Span]:
        return st.integers(0, extent - 1).flatmap(
            lambda start: st.tuples(st.just(start), st.integers(start + 1, extent))
        )

    return st.tuples(*map(span, shape[:-1]))


@given(st.data(), layers)
@settings(max_examples=100, deadline=None)
def test_a_tile_of_a_layer_is_that_of_the_whole(data: st.DataObject, case: Any) -> None:
    layer, shape = case
    program = program_of([layer], shape)
    x = np.random.default_rng(0).normal(size=(2, *shape))
    (y,) = program({"input": x}).values()
    check_tile(program, x, data.draw(tiles(y.shape[1:])))


@pytest.mark.parametrize("span", [(0, 2), (5, 7), (19, 23), (2, 20), (60, 80)])
def test_a_tile_between_the_cells_of_a_far_stretched_input_needs_no_more_than_a_few_cells(span):
    program = program_of(["Conv1DTranspose(2, 3, strides=20)", "sigmoid"], (4, 1))
    ((start, stop),) = check_tile(program, np.arange(8.0).reshape(2, 4, 1), (span,))
    assert stop - start <= 2


def test_tiles_of_a_network_with_branches_are_those_of_the_whole():
    program = program_of(UNET, (32, 48, 2))
    x = np.random.default_rng(1).normal(size=(1, 32, 48, 2))
    rows, columns = [(0, 4), (4, 8), (8, 13), (13, 16)], [(0, 3), (3, 12), (12, 24)]
    input_tiles = {tile: check_tile(program, x, tile) for tile in product(rows, columns)}
    # Rows 4-7 of i need rows 8-16 of h, 4-20 of g, 0-12 of b (f is half as large, with a halo), 0-25 of a, 0-26 of the
    # input. Columns 3-11 of i need columns 6-24 of h, 2-28 of g, 0-16 of b, 0-33 of a, 0-34 of the input.
    assert input_tiles[(4, 8), (3, 12)] == ((0, 27), (0, 35))
    assert len(program._tile_programs) == 3  # the last ones, which the next tile may need again


def test_tiles_with_the_same_padding_share_a_program():
    program = program_of(["Conv2D(1, 3, padding='same')"], (40, 40, 1))
    x = np.random.default_rng(1).normal(size=(1, 40, 40, 1))
    for start in range(0, 40, 5):
        check_tile(program, x, ((start, start + 5), (0, 40)))
    assert len(program._tile_programs) == 3  # with a border above, below, or none


def test_programs_of_different_tiles_share_spare_memory():
    network, shape = ["Conv2D(16, 3, padding='same')", "Conv2D(1, 3, padding='same')"], (1200, 400, 1)
    x = np.ones((1, *shape))
    held = []
    with contextlib.closing(program_of(network, shape)) as program:
        tracemalloc.start()
        for start in (0, 400, 800):
            check_tile(program, x, ((start, start + 400), (0, 400)))
            held.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert len(program._tile_programs) == 3
    assert held[2] < 1.3 * held[0]
    assert not program._tile_programs
