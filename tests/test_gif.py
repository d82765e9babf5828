"""The walk as an animation: a frame a position, the window where it is, the map filling up."""

from __future__ import annotations

import numpy as np
import pytest

from convcli import palette

image = pytest.importorskip("PIL.Image", reason="needs Pillow (extra images)")
gif = pytest.importorskip("convcli.render.gif")

LINES, DETECTORS = "samples/lines.yaml", "samples/line-detectors.yaml"


@pytest.fixture
def film(convcli, tmp_path):
    """The frames of a walk as (frames, height, width, 3), and how long each is shown."""

    def make(*arguments, stdin=None):
        path = tmp_path / "walk.gif"
        done = convcli("explain", *arguments, "-o", path, stdin=stdin)
        assert done.exit_code == 0, done.output
        frames, durations = [], []
        with image.open(path) as picture:
            for place in range(picture.n_frames):
                picture.seek(place)
                frames.append(np.asarray(picture.convert("RGB")).astype(int))
                durations.append(picture.info["duration"])
        return np.array(frames), durations

    return make


def marked(frame):
    """Where the frame has the colour of the window's outline: the ranges of rows and columns, left to right."""
    mask = (np.abs(frame - gif.MARK) < 12).all(axis=-1)
    columns = np.flatnonzero(mask.any(axis=0))
    runs = np.split(columns, np.flatnonzero(np.diff(columns) > gif.GAP) + 1)
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
    side = gif.LARGEST
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
    corner = (marked(frames[0])[0][0] + gif.LARGEST // 4, left + gif.LARGEST // 4)
    assert tuple(frames[0][corner]) == gif.OUTSIDE


def test_a_dilated_window_leaves_the_cells_between_out(film):
    frames, _ = film("-", "-l", "Conv1D([[1, 1]], dilation_rate=2)", "--walk", stdin="1,2,3,4")
    middle = frames[0][gif.MARGIN + gif.LABEL + 8 + gif.LARGEST // 2]
    columns = np.arange(gif.MARGIN, gif.MARGIN + 4 * gif.LARGEST)
    marks = columns[(middle[columns] == gif.MARK).all(axis=-1)]
    edges = gif.MARGIN + np.arange(4) * gif.LARGEST  # of the first and the third cell
    assert {int(np.abs(edges - mark).argmin()) for mark in marks} == {0, 1, 2, 3}
    assert np.abs(edges - marks[:, None]).min(axis=1).max() <= 3


def test_cells_have_the_colours_of_their_values(film):
    frames, _ = film("-", "-l", "Conv1D([[1]])", "--walk", stdin="0,1,2,3")
    for value in range(4):
        place = gif.MARGIN + gif.LABEL + 8 + 5, gif.MARGIN + value * gif.LARGEST + 6
        expected = palette.colours(np.array([float(value)]), palette.Scale(0.0, 3.0))[0]
        np.testing.assert_array_equal(frames[-1][place], expected)


def test_each_channel_has_its_own_input_and_filter(film):
    """Two channels of one cell each, 1 and 3 by weights 0 and 2, in the second of two groups."""
    kernel = "Conv1D(kernel=[[[5, 0], [5, 2]]], groups=2)"
    frames, _ = film("-", "-l", kernel, "--map", 1, "--walk", stdin="[[[9, 9, 1, 3], [9, 9, 1, 3]]]")
    scales = palette.Scale(1.0, 3.0), palette.Scale(0.0, 2.0)
    for place, (value, weight) in enumerate([(1.0, 0.0), (3.0, 2.0)]):
        top = gif.MARGIN + place * 2 * (gif.LABEL + 8 + gif.LARGEST + gif.GAP) + gif.LABEL + 8
        for row, number, scale in zip((0, 1), (value, weight), scales, strict=True):
            at = top + row * (gif.LABEL + 8 + gif.LARGEST + gif.GAP) + 5, gif.MARGIN + 6
            np.testing.assert_array_equal(frames[-1][at], palette.colours(np.array([number]), scale)[0])


def test_the_titles_say_how_the_filter_is_shown(convcli, monkeypatch, tmp_path):
    titles = []
    monkeypatch.setattr(gif, "shortened", lambda text, length, most: titles.append(text) or text)
    arguments = ("-", "-l", "Conv1DTranspose([[1, 2]])", "--walk", "-o", tmp_path / "walk.gif")
    assert convcli("explain", *arguments, stdin="1,2").exit_code == 0
    assert titles[:3] == ["input", "filter, in reverse", "map 0"]


def test_a_long_name_stays_in_the_picture(film):
    name = "a very long name of a map that goes on and on and on and on and on and on and on"
    layer = f"Conv2D({{'{name}': [[1]]}})"
    frames, _ = film("-", "-l", layer, "--walk", stdin="1,2\n3,4")
    assert (frames[0][:, -gif.MARGIN // 2 :] == 255).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-l", "Conv2D(1, 1)", "--walk"), "576 positions (at most 400 in a GIF: --limit N)"),
        (("-l", "Conv2D(1, 1)", "--at", "0,0"), None),
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
    assert done.exit_code == (0 if message is None else 1)
    assert (message or "") in done.output


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
