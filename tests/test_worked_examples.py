"""The worked examples that the program exists to reproduce, from the files in samples/, figures worked by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

import convcli as library

VERTICAL_MAP = [[0, 0, 3, 3, 0, 0]] * 6
HORIZONTAL_MAP = [[0, 1, 2, 2, 1, 0]] * 6


@pytest.fixture
def answer(convcli):
    """The JSON answer of a command."""
    return lambda *arguments: json.loads(convcli(*arguments, "-f", "json").stdout)


def maps(answer):
    """The feature maps of the first sample, one a filter."""
    return np.moveaxis(np.array(answer["output"])[0], -1, 0).tolist()


def test_bump_detector(answer):
    report = answer("apply", "samples/bump.yaml", "samples/bump-detector.yaml")
    assert report["input_shape"] == [1, 8, 1]
    assert report["layers"][0]["kernel_shape"] == [3, 1, 1]
    assert maps(report) == [[0, 0, 1, 1, 0, 0]]
    assert report["output_shape"] == [1, 8 - 3 + 1, 1]
    assert report["params"] == 3 * 1 * 1 + 1 == 4


def test_vertical_line_detector(answer):
    report = answer("apply", "samples/lines.yaml", "samples/vertical-line.yaml")
    assert report["input_shape"] == [1, 8, 8, 1]
    assert maps(report) == [VERTICAL_MAP]
    assert report["params"] == 3 * 3 * 1 * 1 + 1 == 10


def test_two_filters_in_one_layer_make_two_maps(answer):
    report = answer("apply", "samples/lines.yaml", "samples/line-detectors.yaml")
    assert maps(report) == [VERTICAL_MAP, HORIZONTAL_MAP]
    assert report["output_shape"] == [1, 6, 6, 2]


def test_the_maximum_of_the_detectors_highlights_all_lines(answer):
    assert maps(answer("apply", "samples/lines.yaml", "samples/all-lines.yaml")) == [[[0, 1, 3, 3, 1, 0]] * 6]


def test_the_sum_of_the_detectors(answer):
    layers = [
        "Conv2D([[0,1,0],[0,1,0],[0,1,0]], name='v')",
        "Conv2D([[0,0,0],[1,1,1],[0,0,0]], name='h', inputs='input')",
    ]
    inline = [word for layer in [*layers, "Add(inputs=['v', 'h'])"] for word in ("-l", layer)]
    assert maps(answer("apply", "samples/lines.yaml", *inline)) == [[[0, 1, 5, 5, 1, 0]] * 6]


def test_a_filter_on_three_channels_makes_one_map(answer):
    report = answer("apply", "samples/colours.yaml", "samples/red.yaml")
    assert report["layers"][0]["kernel_shape"] == [3, 3, 3, 1]
    # Each 3×3 window of the first channel, [[1,1,0,0],[1,1,0,0],[0,0,1,1],[0,0,1,1]], summed.
    assert maps(report) == [[[5, 4], [4, 5]]]
    assert report["params"] == 3 * 3 * 3 + 1


def test_a_filter_of_another_depth_is_an_error_that_says_so(convcli):
    result = convcli("apply", "samples/colours.yaml", "samples/vertical-line.yaml")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        "Error: samples/vertical-line.yaml: layer conv2d: the filters are 1 deep, the input has 3 channels "
        "(a filter has the depth of its input, here 3; depthwise_conv2d filters each channel by itself)\n"
    )


def test_depth_and_parameters_of_a_small_network(answer):
    report = answer("shape", "samples/mnist.yaml")
    rows = [(row["name"], row["type"], row["output_shape"], row["params"]) for row in report["layers"]]
    assert rows == [
        ("conv2d", "Conv2D", [None, 26, 26, 40], (3 * 3 * 1) * 40 + 40),
        ("conv2d_1", "Conv2D", [None, 24, 24, 8], (3 * 3 * 40) * 8 + 8),
        ("flatten", "Flatten", [None, 24 * 24 * 8], 0),
        ("dense", "Dense", [None, 10], 4608 * 10 + 10),
    ]
    assert [row["params"] for row in report["layers"]] == [400, 2888, 0, 46090]
    assert (report["params"], report["trainable_params"], report["non_trainable_params"]) == (49378, 49378, 0)
    assert report["layers"][0]["kernel_shape"] == [3, 3, 1, 40]
    # 26·26 · 3·3·1·40 + 24·24 · 3·3·40·8 + 4608·10
    assert report["macs"] == 243360 + 1658880 + 46080 == 1948320


def test_without_bias_the_first_layer_has_360(answer):
    assert answer("shape", "-i", "28x28x1", "-l", "Conv2D(40, 3, use_bias=False)")["params"] == 360


def test_the_table_looks_familiar_to_a_keras_user(convcli):
    table = convcli("shape", "samples/mnist.yaml").stdout
    for words in ("Layer (type)", "Output Shape", "Param #", "(None, 26, 26, 40)", "Total params: 49,378"):
        assert words in table
    assert "Trainable params: 49,378" in table
    assert "Non-trainable params: 0" in table


def test_two_dimensional_kernels(answer):
    every = answer("shape", "samples/kernels.yaml")["layers"]
    assert [row["kernels_2d"] for row in every] == [1 * 64, 64 * 256] == [64, 16384]
    (grouped,) = answer("shape", "samples/grouped.yaml")["layers"]
    assert grouped["kernels_2d"] == 64 * 256 // 4 == 4096
    assert grouped["kernel_shape"] == [3, 3, 16, 256]


def test_each_map_is_the_sum_of_one_correlation_per_channel():
    generator = np.random.default_rng(0)
    image, kernel = generator.integers(-9, 9, (6, 7, 3)), generator.integers(-9, 9, (3, 2, 3, 4))
    whole = library.convolve(image, kernel)
    for place in range(4):
        each = [library.convolve(image[..., channel], kernel[..., channel, place])[..., 0] for channel in range(3)]
        assert np.array_equal(whole[..., place], sum(each))


def test_a_kernel_in_another_layout(answer):
    report = answer("apply", "samples/lines.yaml", "samples/layout.yaml")
    assert maps(report) == [VERTICAL_MAP]
    assert report["layers"][0]["kernel_shape"] == [3, 3, 1, 1]


@pytest.mark.parametrize(
    ("width", "size", "padding", "stride"),
    [(8, 3, 0, 1), (28, 3, 0, 1), (224, 7, 3, 2), (227, 11, 0, 4), (7, 3, 1, 3), (10, 3, 0, 2)],
)
def test_output_size(answer, width, size, padding, stride):
    layer = f"Conv2D(5, {size}, strides={stride}, padding={padding})"
    expected = (width - size + 2 * padding) // stride + 1
    assert answer("shape", "-i", f"{width}x{width}x1", "-l", layer)["output_shape"] == [None, expected, expected, 5]


def test_sizes_of_a_stack(answer):
    rows = answer("shape", "samples/sizes.yaml")["layers"]
    assert [row["output_shape"][1] for row in rows] == [(224 - 7 + 2 * 3) // 2 + 1, 112, 112 - 5 + 1] == [112, 112, 108]


def test_a_3d_filter_slides_along_depth_too(answer):
    assert answer("shape", "samples/volume.yaml")["output_shape"] == [None, 8, 6, 6, 2]


def test_correlation_is_the_default_and_convolution_flips(convcli):
    layer = ("apply", "samples/bump.yaml", "-l", "Conv1D([[1, 2, 3]])")
    # [1,2,3]·[0,0,0], ·[0,0,1], ·[0,1,1], ·[1,1,0], ·[1,0,0], ·[0,0,0]
    assert convcli(*layer, "-f", "csv").stdout == "0,3,5,3,1,0\n"
    assert convcli(*layer, "-f", "csv", "--flip-kernel").stdout == "0,1,3,5,3,0\n"
    assert "Cross-correlation (the kernel is not flipped): conv1d" in convcli(*layer).stdout
    assert "Convolution (the kernel is flipped): conv1d" in convcli(*layer, "--flip-kernel").stdout


def test_layers_stack(answer):
    report = answer("apply", "samples/lines.yaml", "samples/stack.yaml")
    # prewitt-x with padding 1, positive part, largest of each 2×2 block
    assert maps(report)[0] == [[0, 3, 0, 0]] * 4
    assert report["output_shape"] == [1, 4, 4, 2]
