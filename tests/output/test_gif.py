"""The walk as an animation: a frame a position, the window where it is, the map filling up."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from runs import explained

import convcli as library
from convcli.cli.explain import walk_report
from convcli.cli.output import Output
from convcli.output.render import colormap, gif
from convcli.output.render.image_style import GAP, LABEL, LABEL_GAP, MARGIN
from convcli.output.render.walk_animation import OUTSIDE, WINDOW, WalkAnimation
from convcli.output.render.walk_layout import LARGEST_CELL, MOST_PIXELS

LINES, DETECTORS = "samples/lines.yaml", "samples/line-detectors.yaml"


@pytest.fixture
def film(convcli, tmp_path):
    """The frames of a walk as (frames, height, width, 3), and how long each is shown."""

    def make(*arguments, stdin=None):
        path = tmp_path / "walk.gif"
        done = convcli("explain", *arguments, "-o", path, stdin=stdin)
        assert done.exit_code == 0, done.output
        frames, durations = [], []
        with Image.open(path) as picture:
            for place in range(picture.n_frames):
                picture.seek(place)
                frames.append(np.asarray(picture.convert("RGB")).astype(int))
                durations.append(picture.info["duration"])
        return np.array(frames), durations

    return make


def marked(frame):
    """Where the frame has the colour of the window's outline: the ranges of rows and columns, left to right."""
    mask = (np.abs(frame - WINDOW) < 12).all(axis=-1)
    columns = np.flatnonzero(mask.any(axis=0))
    runs = np.split(columns, np.flatnonzero(np.diff(columns) > GAP) + 1)
    found = []
    for run in runs:
        rows = np.flatnonzero(mask[:, run[0] : run[-1] + 1].any(axis=1))
        found.append((rows[0], rows[-1], run[0], run[-1]))
    return found


def test_a_frame_for_each_position_and_time_to_look_at_the_last(film):
    frames, durations = film(LINES, DETECTORS, "--walk")
    assert len(frames) == 36
    assert durations == [gif.SLOW] * 35 + [gif.LAST]
    assert len(film(LINES, DETECTORS, "--walk", "--limit", 5)[0]) == 5


def test_the_window_moves_by_a_cell_and_the_map_fills(film):
    frames, _ = film(LINES, DETECTORS, "--walk")
    (window, cell), (later, beside) = marked(frames[0]), marked(frames[1])
    side = LARGEST_CELL
    assert abs(window[1] - window[0] - 3 * side) < 4  # three cells high
    assert abs(cell[1] - cell[0] - side) < 4
    assert (later[2] - window[2], beside[2] - cell[2]) == (side, side)
    middle = (cell[0] + side // 4, cell[2] + side // 4)
    third = (middle[0], middle[1] + 2 * side)
    assert (frames[0][third] == 255).all()  # not known yet
    assert tuple(frames[2][third]) != (255, 255, 255)
    assert (frames[2][third] == frames[-1][third]).all()


def test_a_window_over_padding_hangs_over_the_input(film):
    frames, _ = film("-", "-l", "Conv1D([[1, 2, 3]], padding='same')", "--walk", stdin="5,6,7")
    assert len(frames) == 3
    left = marked(frames[0])[0][2]
    corner = (marked(frames[0])[0][0] + LARGEST_CELL // 4, left + LARGEST_CELL // 4)
    assert tuple(frames[0][corner]) == OUTSIDE


def test_a_dilated_window_leaves_the_cells_between_out(film):
    frames, _ = film("-", "-l", "Conv1D([[1, 1]], dilation_rate=2)", "--walk", stdin="1,2,3,4")
    middle = frames[0][MARGIN + LABEL + LABEL_GAP + LARGEST_CELL // 2]
    columns = np.arange(MARGIN, MARGIN + 4 * LARGEST_CELL)
    marks = columns[(middle[columns] == WINDOW).all(axis=-1)]
    edges = MARGIN + np.arange(4) * LARGEST_CELL  # of the first and the third cell
    assert {int(np.abs(edges - mark).argmin()) for mark in marks} == {0, 1, 2, 3}
    assert np.abs(edges - marks[:, None]).min(axis=1).max() <= 3


def test_cells_have_the_colours_of_their_values(film):
    frames, _ = film("-", "-l", "Conv1D([[1]])", "--walk", stdin="0,1,2,3")
    for value in range(4):
        place = MARGIN + LABEL + LABEL_GAP + 5, MARGIN + value * LARGEST_CELL + 6
        expected = colormap.colours(np.array([float(value)]), colormap.ColourScale(0.0, 3.0))[0]
        np.testing.assert_array_equal(frames[-1][place], expected)


def test_each_channel_has_its_own_input_and_filter(film):
    """Two channels of one cell each, 1 and 3 by weights 0 and 2, in the second of two groups."""
    kernel = "Conv1D(kernel=[[[5, 0], [5, 2]]], groups=2)"
    frames, _ = film("-", "-l", kernel, "--map", 1, "--walk", stdin="[[[9, 9, 1, 3], [9, 9, 1, 3]]]")
    scales = colormap.ColourScale(1.0, 3.0), colormap.ColourScale(0.0, 2.0)
    for place, (value, weight) in enumerate([(1.0, 0.0), (3.0, 2.0)]):
        top = MARGIN + place * 2 * (LABEL + LABEL_GAP + LARGEST_CELL + GAP) + LABEL + LABEL_GAP
        for row, number, scale in zip((0, 1), (value, weight), scales, strict=True):
            at = top + row * (LABEL + LABEL_GAP + LARGEST_CELL + GAP) + 5, MARGIN + 6
            np.testing.assert_array_equal(frames[-1][at], colormap.colours(np.array([number]), scale)[0])


def walked(layer, x, **settings):
    """The film of a walk over one layer's first map."""
    layer = explained(library.load([layer]), {"input": np.asarray(x, float)}, seed=1, **settings)
    return WalkAnimation(walk_report(layer, 0, None, Output("gif", None, None)), Image)


def panels(made):
    return made.layout.grids


@pytest.mark.parametrize(
    ("layer", "titles"),
    [
        ("Conv1DTranspose([[1, 2]])", ["input", "filter, in reverse", "map 0"]),
        ("MaxPooling1D(2)", ["input", "map 0"]),
    ],
)
def test_titles_say_what_is_shown(layer, titles):
    assert [panel.grid.title for panel in panels(walked(layer, [1, 2, 3]))] == titles


def test_several_channels_are_told_apart():
    titles = [panel.grid.title for panel in panels(walked("Conv1D(1, 2)", np.ones((1, 4, 2))))]
    assert titles == ["input, channel 0", "filter", "input, channel 1", "filter", "map 0"]
    titles = [panel.grid.title for panel in panels(walked("SeparableConv1D(1, 2)", np.ones((1, 4, 2))))]
    assert titles == ["input, channel 0", "filter 0", "input, channel 1", "filter 1", "map 0"]
    assert "2 more channels" in walked("Conv1D(1, 2)", np.ones((1, 4, 5))).text_lines(*first_frame())[1]


def first_frame():
    made = walked("Conv1D(1, 2)", np.ones((1, 4, 5)))
    return made._explanations[0], made._explanations[0].stages[0]


@pytest.mark.parametrize(("layer", "shape"), [("Conv2D(1, 3)", (1, 9, 8, 3)), ("Conv1D(1, 3)", (1, 40, 3))])
def test_nothing_lies_over_anything_else_and_all_within_the_frame(layer, shape):
    made = walked(layer, np.ones(shape))
    taken = np.zeros(made.layout.size[::-1], int)
    for panel in panels(made):
        rows, columns = panel.grid.shape
        top = panel.top - LABEL - 6
        part = taken[top : panel.top + rows * panel.cell, panel.left : panel.left + columns * panel.cell]
        assert part.shape == (rows * panel.cell + LABEL + 6, columns * panel.cell)
        part += 1
    taken[made.layout.text_top :] += 1
    assert taken.max() == 1


def test_all_frames_together_stay_within_the_memory_they_may_take():
    made = walked("Conv2D(1, 3, padding='same')", np.ones((1, 20, 20, 3)))
    assert len(made._explanations) == 400
    width, height = made.layout.size
    assert MOST_PIXELS / 2 < 400 * width * height <= MOST_PIXELS


def test_pixels_are_as_they_were_painted_or_in_the_nearest_colour():
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 3))
    made = walked("Conv2D(1, 3, padding='same')", x)
    painted = [np.asarray(frame).astype(int) for frame in made.frames()]
    indexed = [
        np.asarray(frame.convert("RGB")).astype(int)
        for frame in gif.indexed_frames(made.frames(), made.last_frame(), Image)
    ]
    for one, other in zip(painted, indexed, strict=True):
        distance = np.abs(one - other).max(axis=-1)
        assert (distance == 0).mean() > 0.97
        assert distance.max() <= 100


def test_a_window_is_outlined_not_crossed_and_the_map_has_its_colours(film):
    frames, _ = film(LINES, DETECTORS, "--walk", "--map", "horizontal")
    top, left = MARGIN + LABEL + LABEL_GAP, MARGIN
    within = frames[0][top + 4 : top + 3 * LARGEST_CELL - 4, left + 4 : left + 3 * LARGEST_CELL - 4]
    assert not (within == WINDOW).all(axis=-1).any()
    cell = marked(frames[0])[1]
    for column, value in enumerate([0.0, 1, 2, 2, 1, 0]):
        place = cell[0] + 5, cell[2] + column * LARGEST_CELL + 6
        np.testing.assert_array_equal(
            frames[-1][place], colormap.colours(np.array([value]), colormap.ColourScale(0.0, 2.0))[0]
        )


def test_a_long_name_stays_in_the_picture(film):
    name = "a very long name of a map that goes on and on and on and on and on and on and on"
    layer = f"Conv2D({{'{name}': [[1]]}})"
    frames, _ = film("-", "-l", layer, "--walk", stdin="1,2\n3,4")
    assert (frames[0][:, -MARGIN // 2 :] == 255).all()


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
def test_what_cannot_be_shown(convcli, tmp_path, arguments, message):
    np.save(tmp_path / "x.npy", np.zeros((1, 24, 24, 1)))
    done = convcli("explain", tmp_path / "x.npy", *arguments, "--seed", 1, "-o", tmp_path / "walk.gif")
    assert (done.exit_code, (tmp_path / "walk.gif").exists()) == (1, False)
    assert message in done.output


def test_one_cell_of_an_input_too_large_for_a_walk_can_be_shown(film, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((1, 24, 24, 1)))
    frames, _ = film(tmp_path / "x.npy", "-l", "Conv2D(1, 1)", "--at", "0,0", "--seed", 1)
    assert len(frames) == 1


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
