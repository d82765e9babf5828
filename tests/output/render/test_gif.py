"""A walk as an animation: a frame for each position, with the window where it is and the map filling up."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from runs import explained

import convcli as library
from convcli.cli.explain import walk_report
from convcli.cli.output import Output
from convcli.output.render import colormap, gif, walk_animation
from convcli.output.render.colormap import ColourScale
from convcli.output.render.image_style import GAP, LABEL, LABEL_GAP, MARGIN
from convcli.output.render.walk_animation import OUTSIDE, WINDOW, WalkAnimation
from convcli.output.render.walk_layout import LARGEST_CELL, MOST_PIXELS

LINES, DETECTORS = "samples/lines.yaml", "samples/line-detectors.yaml"
TITLE_HEIGHT = LABEL + LABEL_GAP


@pytest.fixture
def film(convcli, tmp_path):
    """Return a function that runs `explain` and returns the GIF: frames (count, height, width, 3), and durations."""

    def record(*arguments, stdin=None):
        path = tmp_path / "walk.gif"
        result = convcli("explain", *arguments, "-o", path, stdin=stdin)
        assert result.exit_code == 0, result.output
        frames, durations = [], []
        with Image.open(path) as animation:
            for number in range(animation.n_frames):
                animation.seek(number)
                frames.append(np.asarray(animation.convert("RGB")).astype(int))
                durations.append(animation.info["duration"])
        return np.array(frames), durations

    return record


def outlined(frame):
    """Return where a frame has the colour of the window's outline: (top, bottom, left, right), left to right."""
    mask = (np.abs(frame - WINDOW) < 12).all(axis=-1)
    columns = np.flatnonzero(mask.any(axis=0))
    boxes = []
    for run in np.split(columns, np.flatnonzero(np.diff(columns) > GAP) + 1):
        rows = np.flatnonzero(mask[:, run[0] : run[-1] + 1].any(axis=1))
        boxes.append((rows[0], rows[-1], run[0], run[-1]))
    return boxes


def colour(value, low, high):
    return colormap.colours(np.array([float(value)]), ColourScale(float(low), float(high)))[0]


def animation(layer, x):
    """Return the animation of a walk over the first map of a layer."""
    walked = explained(library.load([layer]), {"input": np.asarray(x, float)}, seed=1)
    return WalkAnimation(walk_report(walked, 0, None, Output("gif")), Image)


def titles(layer, x):
    return [placed.grid.title for placed in animation(layer, x).layout.grids]


# ---- frames ----


def test_each_position_has_a_frame_and_the_last_is_shown_longer(film):
    frames, durations = film(LINES, DETECTORS, "--walk")
    assert len(frames) == 36
    assert durations == [gif.SLOW] * 35 + [gif.LAST]
    assert len(film(LINES, DETECTORS, "--walk", "--limit", 5)[0]) == 5


def test_the_window_moves_by_a_cell_and_the_map_fills(film):
    frames, _ = film(LINES, DETECTORS, "--walk")
    (window, cell), (next_window, next_cell) = outlined(frames[0]), outlined(frames[1])
    side = LARGEST_CELL
    assert abs(window[1] - window[0] - 3 * side) < 4  # three cells high
    assert abs(cell[1] - cell[0] - side) < 4
    assert (next_window[2] - window[2], next_cell[2] - cell[2]) == (side, side)
    third = (cell[0] + side // 4, cell[2] + side // 4 + 2 * side)
    assert (frames[0][third] == 255).all()  # not known yet
    assert tuple(frames[2][third]) != (255, 255, 255)
    assert (frames[2][third] == frames[-1][third]).all()


def test_cells_have_the_colours_of_their_values(film):
    frames, _ = film("-", "-l", "Conv1D([[1]])", "--walk", stdin="0,1,2,3")
    for value in range(4):
        pixel = MARGIN + TITLE_HEIGHT + 5, MARGIN + value * LARGEST_CELL + 6
        np.testing.assert_array_equal(frames[-1][pixel], colour(value, 0, 3))


def test_the_map_has_the_colours_of_its_values(film):
    frames, _ = film(LINES, DETECTORS, "--walk", "--map", "horizontal")
    top, _, left, _ = outlined(frames[0])[1]
    for column, value in enumerate([0, 1, 2, 2, 1, 0]):
        np.testing.assert_array_equal(frames[-1][top + 5, left + column * LARGEST_CELL + 6], colour(value, 0, 2))


def test_each_channel_has_its_own_input_and_filter(film):
    """In the second of two groups, two channels of one cell, 1 and 3, meet the weights 0 and 2."""
    layer = "Conv1D(kernel=[[[5, 0], [5, 2]]], groups=2)"
    frames, _ = film("-", "-l", layer, "--map", 1, "--walk", stdin="[[[9, 9, 1, 3], [9, 9, 1, 3]]]")
    row_height = TITLE_HEIGHT + LARGEST_CELL + GAP
    for channel, (value, weight) in enumerate([(1, 0), (3, 2)]):
        top, left = MARGIN + channel * 2 * row_height + TITLE_HEIGHT + 5, MARGIN + 6
        np.testing.assert_array_equal(frames[-1][top, left], colour(value, 1, 3))
        np.testing.assert_array_equal(frames[-1][top + row_height, left], colour(weight, 0, 2))


def test_pixels_have_the_colour_that_was_drawn_or_the_nearest_in_the_palette():
    drawn_animation = animation("Conv2D(1, 3, padding='same')", np.random.default_rng(0).normal(size=(1, 4, 4, 3)))
    frames = gif.indexed_frames(drawn_animation.frames(), drawn_animation.last_frame(), Image)
    for drawn, indexed in zip(drawn_animation.frames(), frames, strict=True):
        difference = np.asarray(drawn).astype(int) - np.asarray(indexed.convert("RGB"))
        distance = np.abs(difference).max(axis=-1)
        assert (distance == 0).mean() > 0.97
        assert distance.max() <= 100


# ---- the window ----


def test_a_window_over_padding_covers_cells_outside_the_input(film):
    frames, _ = film("-", "-l", "Conv1D([[1, 2, 3]], padding='same')", "--walk", stdin="5,6,7")
    assert len(frames) == 3
    top, _, left, _ = outlined(frames[0])[0]
    assert tuple(frames[0][top + LARGEST_CELL // 4, left + LARGEST_CELL // 4]) == OUTSIDE


def test_a_dilated_window_leaves_out_the_cells_between(film):
    frames, _ = film("-", "-l", "Conv1D([[1, 1]], dilation_rate=2)", "--walk", stdin="1,2,3,4")
    middle = frames[0][MARGIN + TITLE_HEIGHT + LARGEST_CELL // 2]
    columns = np.arange(MARGIN, MARGIN + 4 * LARGEST_CELL)
    lines = columns[(middle[columns] == WINDOW).all(axis=-1)]
    edges = MARGIN + np.arange(4) * LARGEST_CELL  # of the first and the third cell
    assert {int(np.abs(edges - line).argmin()) for line in lines} == {0, 1, 2, 3}
    assert np.abs(edges - lines[:, None]).min(axis=1).max() <= 3


def test_a_window_has_an_outline_and_no_lines_inside(film):
    frames, _ = film(LINES, DETECTORS, "--walk")
    top, left, side = MARGIN + TITLE_HEIGHT, MARGIN, 3 * LARGEST_CELL
    inside = frames[0][top + 4 : top + side - 4, left + 4 : left + side - 4]
    assert not (inside == WINDOW).all(axis=-1).any()


@pytest.mark.parametrize(
    "layer",
    [
        "Conv1D(2, 3, padding='causal', dilation_rate=2)",
        "SeparableConv1D(2, 3)",
        "Conv1DTranspose(2, 3, strides=2, groups=2)",
        "AveragePooling1D(2)",
        "Conv1D(2, 2, padding='same', padding_mode='reflect', activation='softmax')",
    ],
)
def test_every_kind_of_window_slides(film, layer):
    x = "[[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [0, 0, 0, 0], [1, 1, 1, 1], [2, 2, 2, 2]]]"
    frames, _ = film("-", "-l", layer, "--seed", 1, "--walk", stdin=x)
    assert len(frames) > 2


# ---- titles and text ----


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ("Conv1DTranspose([[1, 2]])", ["input", "filter, in reverse", "map 0"]),
        ("MaxPooling1D(2)", ["input", "map 0"]),
    ],
)
def test_titles_say_what_is_shown(layer, expected):
    assert titles(layer, [1, 2, 3]) == expected


def test_titles_number_the_channels_where_there_are_several():
    expected = ["input, channel 0", "filter, channel 0", "input, channel 1", "filter, channel 1", "map 0"]
    assert titles("Conv1D(1, 2)", np.ones((1, 4, 2))) == expected


def test_titles_number_the_filters_where_each_channel_has_its_own():
    expected = ["input, channel 0", "filter 0, channel 0", "input, channel 1", "filter 1, channel 1", "map 0"]
    assert titles("SeparableConv1D(1, 2)", np.ones((1, 4, 2))) == expected


def test_a_transposed_layer_shows_the_numbers_of_its_filter_and_of_its_map():
    drawn = animation("Conv2DTranspose(1, 3, strides=2)", np.eye(8)[None, ..., None])
    _, filter_grid, output = drawn.layout.grids
    assert (filter_grid.grid.shape, output.grid.shape) == ((3, 3), (17, 17))
    assert filter_grid.number_style
    assert output.number_style
    assert filter_grid.cell == LARGEST_CELL
    assert filter_grid.width < drawn.layout.rows[0][0].width


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.4789, "-.48"), (0.0991, ".1"), (0.0167, ".02"), (0, "0"), (1.234, "1.2"), (-10.04, "-10"), (0.0042, ".0042")],
)
def test_a_terse_number_has_no_zero_before_its_point(value, text):
    assert walk_animation._terse_text(value) == text


def test_an_outline_is_seen_on_every_colour(film):
    numbers = ",".join(map(str, range(-20, 21, 5)))
    frames, _ = film("-", "-l", "Conv1D([[1]])", "--walk", stdin=numbers)
    row = MARGIN + TITLE_HEIGHT + 5  # above the numbers
    for position, frame in enumerate(frames):
        left = MARGIN + position * LARGEST_CELL
        cell, outline = tuple(frame[row, left + 10]), map(tuple, frame[row, left - 3 : left + 4])
        assert max(colormap.contrast(cell, line) for line in outline) >= 3


def test_the_text_tells_how_many_channels_are_not_shown():
    drawn = animation("Conv1D(1, 2)", np.ones((1, 4, 5)))
    first = drawn._explanations[0]
    assert "2 more channels" in drawn.text_lines(first, first.stages[0])[1]


def test_a_long_title_stays_within_the_frame(film):
    name = "a very long name of a map that goes on and on and on and on and on and on and on"
    frames, _ = film("-", "-l", f"Conv2D({{'{name}': [[1]]}})", "--walk", stdin="1,2\n3,4")
    assert (frames[0][:, -MARGIN // 2 :] == 255).all()


# ---- the layout ----


@pytest.mark.parametrize(("layer", "shape"), [("Conv2D(1, 3)", (1, 9, 8, 3)), ("Conv1D(1, 3)", (1, 40, 3))])
def test_nothing_lies_over_anything_else_and_all_is_within_the_frame(layer, shape):
    layout = animation(layer, np.ones(shape)).layout
    uses = np.zeros(layout.size[::-1], int)
    for placed in layout.grids:
        rows, columns = placed.grid.shape
        top = placed.top - LABEL - 6
        area = uses[top : placed.top + rows * placed.cell, placed.left : placed.left + columns * placed.cell]
        assert area.shape == (rows * placed.cell + LABEL + 6, columns * placed.cell)
        area += 1
    uses[layout.text_top :] += 1
    assert uses.max() == 1


def test_all_frames_together_keep_to_the_limit_of_pixels():
    drawn = animation("Conv2D(1, 3, padding='same')", np.ones((1, 20, 20, 3)))
    assert len(drawn._explanations) == 400
    width, height = drawn.layout.size
    assert MOST_PIXELS / 2 < 400 * width * height <= MOST_PIXELS


# ---- errors ----


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-l", "Conv2D(1, 1)", "--walk"), "576 positions (at most 400 in a GIF: --limit N)"),
        (
            ("-l", "Flatten()"),
            "no window slides over one or two axes in flatten (a convolution or pooling of 1-D or 2-D)",
        ),
        (
            ("-l", "UpSampling2D(9)", "-l", "Conv2D(1, 1)", "--at", "0,0"),
            "an input of 216×216 cells, as it is laid out, does not fit",
        ),
    ],
)
def test_a_walk_that_cannot_be_shown_is_an_error(convcli, tmp_path, arguments, message):
    np.save(tmp_path / "x.npy", np.zeros((1, 24, 24, 1)))
    result = convcli("explain", tmp_path / "x.npy", *arguments, "--seed", 1, "-o", tmp_path / "walk.gif")
    assert (result.exit_code, (tmp_path / "walk.gif").exists()) == (1, False)
    assert message in result.output


def test_one_cell_of_an_input_too_large_for_a_walk_can_be_shown(film, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((1, 24, 24, 1)))
    frames, _ = film(tmp_path / "x.npy", "-l", "Conv2D(1, 1)", "--at", "0,0", "--seed", 1)
    assert len(frames) == 1
