"""Explanations of small layers as tables show them, word for word, with numbers worked out by hand."""

from __future__ import annotations

import pytest

CHANNELS = """\
conv2d (Conv2D): map 0 at 0,0 = 5
 Cross-correlation (the kernel is not flipped) of input, row 0, columns 0 and 1
╭─ filter, channel 0 ─╮   ╭─ input, channel 0 ─╮   ╭─ products, channel 0 ─╮
│ 1  0                │ · │ 1  2               │ = │ 1  0                  │
╰─────────────────────╯   ╰────────────────────╯   ╰───────────────────────╯
 channel 0: 1·1 + 0·2 = 1
╭─ filter, channel 1 ─╮   ╭─ input, channel 1 ─╮   ╭─ products, channel 1 ─╮
│ 2  -1               │ · │ 5  6               │ = │ 10  -6                │
╰─────────────────────╯   ╰────────────────────╯   ╰───────────────────────╯
 channel 1: 2·5 + (-1)·6 = 4
 sum: 1 + 4 = 5
 bias: 5 + 0 = 5
"""
SEPARABLE = """\
separable_conv1d (SeparableConv1D): map 0 at 0 = -117
 Cross-correlation (the kernel is not flipped) of input, cells 0 and 1
╭─ depthwise filter, channel 0 ─╮   ╭─ input, channel 0 ─╮   ╭─ products, channel 0 ─╮
│ 1  3                          │ · │ 5  6               │ = │ 5  18                 │
╰───────────────────────────────╯   ╰────────────────────╯   ╰───────────────────────╯
 channel 0: 1·5 + 3·6 = 23
╭─ depthwise filter, channel 0, filter 1 ─╮   ╭─ input, channel 0, filter 1 ─╮   ╭─ products, channel 0, filter 1 ─╮
│ 2  -4                                   │ · │ 5  6                         │ = │ 10  -24                         │
╰─────────────────────────────────────────╯   ╰──────────────────────────────╯   ╰─────────────────────────────────╯
 channel 0, filter 1: 2·5 + (-4)·6 = -14
 Cross-correlation (the kernel is not flipped) of input, cell 0
╭─ pointwise filter ─╮   ╭─ depthwise sums ─╮   ╭─ products ─╮
│ 1  10              │ · │ 23  -14          │ = │ 23  -140   │
╰────────────────────╯   ╰──────────────────╯   ╰────────────╯
 sum: 1·23 + 10·(-14) = -117
"""
POOLED = """\
average_pooling2d (AveragePooling2D): map 0 at 0,0 = 3
 Mean of input, rows 0 and 1, columns 0 and 1
╭─ input ─╮
│ 1  2    │
│ 4  5    │
╰─────────╯
 (1 + 2 + 4 + 5) / 4 = 3

average_pooling2d (AveragePooling2D): map 0 at 0,1 = 4.5
 Mean of input, rows 0 and 1, column 2; in parentheses: padding
╭─ input ─╮
│ 3  (0)  │
│ 6  (0)  │
╰─────────╯
 (3 + 6) / 2 = 4.5
"""
DEPTH = """\
conv3d (Conv3D): map 0 at 0,0,0 = 11
 Cross-correlation (the kernel is not flipped) of input, slices 0 and 1, row 0, column 0
╭─ filter, depth 0 ─╮   ╭─ input, depth 0 ─╮   ╭─ products, depth 0 ─╮
│ 1                 │ · │ 3                │ = │ 3                   │
╰───────────────────╯   ╰──────────────────╯   ╰─────────────────────╯
╭─ filter, depth 1 ─╮   ╭─ input, depth 1 ─╮   ╭─ products, depth 1 ─╮
│ 2                 │ · │ 4                │ = │ 8                   │
╰───────────────────╯   ╰──────────────────╯   ╰─────────────────────╯
 sum: 1·3 + 2·4 = 11
 bias: 11 + 0 = 11
"""
DENSE = """\
dense (Dense): map 1 = 0.731059
 Each value of input times its weight
╭─ filter ─╮   ╭─ input ──╮   ╭─ products ─╮
│ 2  4  6  │ · │ 1  0  -1 │ = │ 2  0  -6   │
╰──────────╯   ╰──────────╯   ╰────────────╯
 sum: 2·1 + 4·0 + 6·(-1) = -4
 bias: (-4) + 1 = -3
 softmax(-3, among [-4, -3]) = 0.731059
"""  # e / (1 + e)
STANDARD = """\
normalization (Normalization): map 1 = 2
 (x − mean) / max(√variance, epsilon) = (9 − 3) / max(√9, 1e-07) = 2
"""
INVERSE = """\
normalization (Normalization): map 1 = 30
 x·max(√variance, epsilon) + mean = 9·max(√9, 1e-07) + 3 = 30
"""
SUBTRACTED = """\
subtract (Subtract): map 1 = 5
 sum of input 8, (-1)·3 = 5
"""
SEPARATE = (
    "SeparableConv1D(1, 2, depth_multiplier=2, depthwise_kernel=[[[1, 2]], [[3, -4]]], "
    "pointwise_kernel=[[[1], [10]]], use_bias=False)"
)


@pytest.mark.parametrize(
    ("layer", "arguments", "x", "text"),
    [
        ("Conv2D(kernel=[[[[1], [2]], [[0], [-1]]]])", ["--at", "0,0"], "[[[1, 5], [2, 6]]]", CHANNELS),
        (SEPARATE, ["--at", "0"], "5,6", SEPARABLE),
        ("AveragePooling2D(2, padding='same')", ["--walk", "--limit", "2"], "1,2,3\n4,5,6\n7,8,9", POOLED),
        ("Conv3D(kernel=[[[[[1]]]], [[[[2]]]]])", ["--at", "0,0,0"], "[[[[[3]]], [[[4]]]]]", DEPTH),
        (
            "Dense(2, kernel=[[1, 2], [3, 4], [5, 6]], bias=[0, 1], activation='softmax')",
            ["--map", "1"],
            "[[1, 0, -1]]",
            DENSE,
        ),
        ("Normalization(mean=[2, 3], variance=[4, 9])", ["--map", "1"], "[[4, 9]]", STANDARD),
        ("Normalization(mean=[2, 3], variance=[4, 9], invert=True)", ["--map", "1"], "[[4, 9]]", INVERSE),
        ("Subtract(inputs=['input', 3])", ["--map", "1"], "[[4, 8]]", SUBTRACTED),
    ],
    ids=["channels", "separable", "pooled", "depth", "dense", "standard", "inverse", "subtracted"],
)
def test_a_table_shows_the_working_done_by_hand(convcli, layer, arguments, x, text):
    assert convcli("explain", "-", "-l", layer, *arguments, stdin=x).stdout == text


@pytest.mark.parametrize(
    ("layer", "line"),
    [
        (SEPARATE, "0: [1, 3]·[5, 6]; [2, -4]·[5, 6] = [23, -14] → [1, 10]·[23, -14] = -117"),
        ("MaxPooling1D(2)", "0: max(5, 6) = 6"),
        ("AveragePooling1D(1)", "0: 5 / 1 = 5"),
        ("Conv1D([[1, -2]], padding='same', bias=-1)", "0: [1, -2]·[5, 6] + (-1) = -8"),
    ],
)
def test_a_line_of_a_walk_shows_the_working_done_by_hand(convcli, layer, line):
    assert convcli("explain", "-", "-l", layer, "--walk", stdin="5,6").stdout.splitlines()[0] == line


def test_a_walk_is_not_longer_than_its_map(convcli):
    result = convcli("explain", "-", "-l", "Conv1D('bump')", "--walk", "--limit", 10**30, "-f", "csv", stdin="0,1,0")
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 2)  # the header, and one position
