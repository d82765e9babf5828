"""Which cells of its input a step needs for some cells of its result."""

from __future__ import annotations

import pytest

from convcli.engine.restrict_step import restrict_step
from convcli.model.steps import Pad, Pool
from convcli.model.window import Window


@pytest.mark.parametrize(
    ("span", "amounts", "input_span"),
    [
        ((0, 10), (2, 3), (0, 5)),
        ((0, 3), (2, 0), (0, 3)),  # the border, and the two cells that are mirrored in it
        ((3, 6), (0, 0), (1, 4)),
        ((6, 9), (0, 2), (2, 5)),
    ],
)
def test_mirrored_padding_needs_the_cells_that_it_mirrors(span, amounts, input_span):
    step, _, (input_tile,) = restrict_step(Pad(((2, 3),), "reflect"), (span,), [(5, 1)], (10, 1))
    assert (step.amounts, input_tile) == ((amounts,), (input_span,))


@pytest.mark.parametrize(
    ("span", "amounts", "input_span"),
    [
        ((0, 3), (2, 0), (0, 2)),  # one cell and its two mirrored neighbours: cells 1 0 0
        ((7, 10), (0, 3), (2, 5)),
    ],
)
def test_a_mirror_behind_the_border_needs_one_cell_less(span, amounts, input_span):
    step, _, (input_tile,) = restrict_step(Pad(((2, 3),), "symmetric"), (span,), [(5, 1)], (10, 1))
    assert (step.amounts, input_tile) == ((amounts,), (input_span,))


def test_padding_that_mirrors_an_axis_several_times_needs_all_of_it():
    step, output_tile, (input_tile,) = restrict_step(Pad(((9, 3),), "symmetric"), ((0, 2),), [(5, 1)], (17, 1))
    assert (step.amounts, output_tile, input_tile) == (((9, 3),), ((0, 17),), ((0, 5),))


@pytest.mark.parametrize(
    ("window", "span", "input_span", "padding"),
    [
        (Window(3, before=1, after=1), (0, 4), (0, 5), (1, 0)),
        (Window(3, before=1, after=1), (4, 8), (3, 9), (0, 0)),
        (Window(3, before=1, after=1), (8, 10), (7, 10), (0, 1)),
        (Window(3, stride=2), (1, 3), (2, 7), (0, 0)),
        (Window(2, dilation=3), (1, 3), (1, 6), (0, 0)),
        # The windows cover stretched cells 1 to 5, of which 2 and 4 come from the input.
        (Window(3, before=2, after=2, upsample=2), (3, 6), (1, 3), (1, 1)),
        # They cover stretched cells 3 to 6, none of which comes from the input: four empty cells, and none after them.
        (Window(3, before=2, after=2, upsample=20), (5, 7), (0, 1), (4, -1)),
    ],
)
def test_a_span_of_positions_needs_the_cells_under_its_windows(window, span, input_span, padding):
    width = 10
    shapes = [(width, 1)], (window.output_extent(width), 1)
    step, output_tile, (input_tile,) = restrict_step(Pool("max", (window,)), (span,), *shapes)
    (restricted,) = step.windows
    assert (output_tile, input_tile) == ((span,), (input_span,))
    assert (restricted.before, restricted.after) == padding
