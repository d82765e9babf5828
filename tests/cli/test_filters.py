"""The command that lists the bank and shows its filters, and filters of the bank in place of a model."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
import yaml
from conftest import ROOT

from convcli.model import filter_bank
from convcli.output.render.formats import FORMATS, TextStyle
from convcli.output.report.filters import FiltersReport

MAGNITUDES = json.loads((ROOT / "tests/reference/filters.json").read_text())["magnitudes"]
LINES, BUMP = "samples/lines.yaml", "samples/bump.yaml"


# ---- filters ----


def test_the_bank_as_a_list(convcli):
    table = convcli("filters").stdout
    for name in filter_bank.names():
        (line,) = [line for line in table.splitlines() if f"│ {name} " in line]
        found = filter_bank.find(name)
        assert found.recipe.does in line
        assert f" {'×'.join(map(str, found.shape))} " in line
        assert found.parameters in line
    for group in ("lines", "edges", "compass", "curvature", "smoothing", "sharpening", "1-D", "3-D"):
        assert table.count(f"\n│ {group} ") == 1


def test_the_list_in_every_format(convcli):
    rows = list(csv.DictReader(io.StringIO(convcli("filters", "-f", "csv").stdout)))
    assert [row["name"] for row in rows] == filter_bank.names()
    assert rows[0] == {
        "name": "line-vertical",
        "group": "lines",
        "size": "3x3",
        "parameters": "",
        "does": "finds vertical lines",
        "source": "the pattern itself: a template that answers most where the input is like it",
    }
    held = json.loads(convcli("filters", "-f", "json").stdout)
    assert held == {name: filter_bank.find(name).values for name in filter_bank.names()}
    assert yaml.safe_load(convcli("filters", "-f", "yaml").stdout) == held


def test_one_filter(convcli):
    assert (
        convcli("filters", "gaussian:size=3,sigma=0.5").stdout
        == """\
╭─ gaussian:size=3,sigma=0.5 ─────╮
│ 0.0113437  0.0838195  0.0113437 │
│ 0.0838195   0.619347  0.0838195 │
│ 0.0113437  0.0838195  0.0113437 │
╰─────────────────────────────────╯
 Size: 3×3
 What it does: takes the mean, weighted by a bell of standard deviation sigma
 Parameters: size=3, sigma=0.5, rank=2
 Sum: 1
 Source: the normal density at whole cells, divided by its sum; Marr and Hildreth, "Theory of Edge Detection", 1980
"""
    )


def test_a_size_that_follows_from_sigma_is_in_the_report(convcli):
    answer = convcli("filters", "gaussian:sigma=3")
    assert " Size: 25×25\n" in answer.stdout
    assert " Parameters: size=25, sigma=3, rank=2\n" in answer.stdout
    assert answer.stderr == ""
    applied = convcli("apply", LINES, "--filter", "gaussian:sigma=1", "--padding", "same")
    assert "\n gaussian:sigma=1: 9×9 cells, from sigma\n" in applied.stdout
    assert "from sigma" not in convcli("apply", LINES, "--filter", "gaussian").stdout
    layer = convcli("apply", LINES, "-l", "Conv2D('gaussian:sigma=0.5,1', padding='same')").stdout
    assert "\n gaussian:sigma=0.5,1: 5×9 cells, from sigma\n" in layer


def test_a_size_that_cuts_off_a_gaussian_is_a_warning(convcli):
    warning = "Warning: gaussian:size=5,sigma=3: 5 cells cut off 40% of the weight along an axis: sigma 3 needs 25\n"
    assert convcli("filters", "gaussian:size=5,sigma=3").stderr == warning
    assert convcli("apply", LINES, "--filter", "gaussian:size=5,sigma=3", "-f", "csv").stderr == warning
    assert convcli("apply", LINES, "--filter", "gaussian:size=5,sigma=3", "-f", "csv", "-q").stderr == ""


def test_several_filters(convcli):
    table = convcli("filters", "step", "box:rank=3").stdout
    assert "╭─ step ─╮\n│ -1  1  │\n" in table
    assert "╭─ box:rank=3, depth 2 ────────" in table
    assert " Size: 3×3×3\n What it does: takes the mean\n Parameters: size=3, rank=3\n Sum: 1\n" in table
    assert json.loads(convcli("filters", "step", "bump", "step", "-f", "json").stdout) == {
        "step": [-1, 1],
        "bump": [0, 1, 0],
    }
    assert convcli("filters", "step", "sobel-x", "-f", "csv").stdout == "-1,1\n\n-1,0,1\n-2,0,2\n-1,0,1\n"
    assert convcli("filters", "identity:rank=3", "-f", "csv").stdout.count("\n\n") == 2


def test_what_is_left_of_a_sum_by_rounding_is_not_shown(convcli):
    assert " Sum: 0\n" in convcli("filters", "laplacian-of-gaussian").stdout


def test_filters_as_arrays(convcli, tmp_path):
    one = convcli("filters", "sobel-x", "-f", "npy").stdout_bytes
    assert np.load(io.BytesIO(one)).tolist() == [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    convcli("filters", "-o", tmp_path / "bank.npz")
    with np.load(tmp_path / "bank.npz") as archive:
        assert list(archive) == filter_bank.names()
        assert archive["step"].tolist() == [-1, 1]
    (tmp_path / "k.npy").write_bytes(one)
    by_file = convcli("apply", LINES, tmp_path / "k.npy", "-f", "csv").stdout
    assert by_file == convcli("apply", LINES, "--filter", "sobel-x", "-f", "csv").stdout


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("sobel-x", "-0.25,0,0.25\n-0.5,0,0.5\n-0.25,0,0.25\n"),  # by the positive ones
        ("line-vertical", "0,0.3333333333333333,0\n" * 3),  # by the sum
        ("roberts-y", "0,-1\n1,0\n"),
        ("moving-average", "0.3333333333333333,0.3333333333333333,0.3333333333333333\n"),
    ],
)
def test_normalized_filters(convcli, name, rows):
    assert convcli("filters", name, "--normalize", "-f", "csv").stdout == rows


# ---- apply --filter ----


def maps(convcli, file, *arguments):
    """The maps of one sample by name, and what is said on standard error."""
    done = convcli("apply", file, *arguments, "-f", "json")
    return np.moveaxis(np.array(json.loads(done.stdout)["output"])[0], -1, 0), done.stderr


def test_filters_of_several_sizes_meet_at_their_middles(convcli, tmp_path):
    x = np.random.default_rng(1).integers(-9, 9, (9, 10))
    np.save(tmp_path / "x.npy", x)
    both, said = maps(convcli, tmp_path / "x.npy", "--filter", "sobel-x", "--filter", "gaussian:size=5,sigma=1.2")
    (small,), _ = maps(convcli, tmp_path / "x.npy", "--filter", "sobel-x")
    (large,), _ = maps(convcli, tmp_path / "x.npy", "--filter", "gaussian:size=5,sigma=1.2")
    assert np.array_equal(both[0], small[1:-1, 1:-1])
    assert both[1] == pytest.approx(large)
    assert said == "Warning: sobel-x is padded with zeros from 3×3 to 5×5\n"
    quiet = ("--filter", "sobel-x", "--filter", "gaussian", "-q")
    assert maps(convcli, tmp_path / "x.npy", *quiet)[1] == ""


def test_with_padding_that_keeps_the_size_each_filter_is_padded_for_its_own(convcli, tmp_path):
    x = np.random.default_rng(1).integers(-9, 9, (5, 7, 2))
    np.save(tmp_path / "x.npy", x)
    names, padding = ("box:size=2", "sobel-x", "gaussian:sigma=2"), ("--padding", "same", "--strides", "2,1")
    together, said = maps(
        convcli, tmp_path / "x.npy", *(word for name in names for word in ("--filter", name)), *padding
    )
    assert said == ""
    alone = [maps(convcli, tmp_path / "x.npy", "--filter", name, *padding)[0] for name in names]
    channel_by_channel = [maps_of_one[channel] for channel in (0, 1) for maps_of_one in alone]
    np.testing.assert_allclose(together, channel_by_channel, atol=1e-12)
    done = convcli("apply", tmp_path / "x.npy", "--filter", "box:size=2", "--filter", "sobel-x")
    assert done.stderr.endswith("cannot be centred in 3×3 (sizes that are all odd, or all even; or --padding same)\n")


def test_arguments_of_filters_of_several_sizes_go_to_each(convcli, tmp_path):
    np.save(tmp_path / "x.npy", np.eye(5))
    both = ("--filter", "identity", "--filter", "identity:size=5", "--padding", "same")
    maps_, _ = maps(convcli, tmp_path / "x.npy", *both, "--bias", "-1,2", "--activation", "relu")
    assert np.array_equal(maps_, [np.zeros((5, 5)), np.eye(5) + 2])
    done = convcli("apply", tmp_path / "x.npy", *both, "--bias", "1,2,3")
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: --filter: bias: shape (3,) (one number, or one for each of the 2 filters)\n",
    )


def test_filters_of_one_rank_settle_that_of_the_others(convcli, tmp_path):
    (found, _), _ = maps(convcli, BUMP, "--filter", "gaussian:size=3,sigma=0.5", "--filter", "bump")
    assert found.shape == (6,)
    np.save(tmp_path / "k.npy", [1, 2, 3])
    (found, _), _ = maps(convcli, BUMP, "--filter", "box", "--filter", tmp_path / "k.npy")
    assert found == pytest.approx([0, 1 / 3, 2 / 3, 2 / 3, 1 / 3, 0])
    assert maps(convcli, BUMP, "--filter", "box:rank=1")[0][0] == pytest.approx(found)


def test_the_layer_settles_the_rank_of_a_filter(convcli):
    for layer, shape in (("Conv1D", "8x1"), ("Conv2D", "8x8x1"), ("Conv3D", "8x8x8x1")):
        axes = shape.count("x")
        for filters in ("'gaussian'", "['gaussian', 'box:size=5']", "{'a': 'gaussian'}"):
            done = convcli("shape", "-i", shape, "-l", f"{layer}({filters})", "-f", "json")
            assert json.loads(done.stdout)["layers"][0]["kernel_shape"][:-2] == [5] * axes


def test_names_with_parameters_go_wherever_names_go(convcli):
    model = """
- conv2d: {filters: {blur: "gaussian:size=3,sigma=2"}}
- depthwise_conv2d: {filters: box:size=2}
- conv2d:
    filters:
      - kirsch-n
      - gabor:size=3,theta=30
    bias: moving-average:size=2
"""
    done = convcli("apply", LINES, "-", "--show-weights", stdin=model)
    assert "╭─ gabor:size=3,theta=30, bias 0.5 ─" in done.stdout
    assert "╭─ kirsch-n ─" in done.stdout


def test_a_volume_of_one_channel_is_filtered_too(convcli, tmp_path):
    np.save(tmp_path / "x.npy", np.pad([[[1.0]]], 2))
    (found,), _ = maps(convcli, tmp_path / "x.npy", "--filter", "box:rank=3")
    assert found == pytest.approx(np.full((3, 3, 3), 1 / 27))


def test_normalized_filters_of_apply(convcli, tmp_path):
    np.save(tmp_path / "k.npy", [[1, 2], [3, 4]])
    (edges,), _ = maps(convcli, LINES, "--filter", "sobel-x", "--normalize")
    assert edges[0].tolist() == [0, 1, 1, -1, -1, 0]
    (plain,), _ = maps(convcli, LINES, "--filter", tmp_path / "k.npy")
    (tenth,), _ = maps(convcli, LINES, "--filter", tmp_path / "k.npy", "--normalize")
    assert tenth == pytest.approx(plain / 10)


@pytest.mark.parametrize("case", MAGNITUDES, ids=lambda case: f"{case['name']} {case['source']}")
def test_the_magnitude_of_a_gradient_is_that_of_another_tool(convcli, tmp_path, case):
    np.save(tmp_path / "x.npy", case["image"])
    options = ("--filter", case["name"], "--padding", "same", "--padding-mode", "symmetric")
    (magnitude,), _ = maps(convcli, tmp_path / "x.npy", *options, *["--normalize"] * case["normalize"])
    np.testing.assert_allclose(magnitude, case["factor"] * np.array(case["output"]), rtol=1e-14, atol=1e-14)


def test_a_magnitude_has_one_map_for_each_channel_beside_other_filters(convcli, tmp_path):
    x = np.random.default_rng(1).integers(-9, 9, (5, 7, 2))
    np.save(tmp_path / "x.npy", x)
    filters = ("--filter", "sobel-y", "--filter", "sobel", "--filter", "sobel-x")
    done = convcli("apply", tmp_path / "x.npy", *filters)
    titles = [line.split("─")[1].strip() for line in done.stdout.splitlines() if line.startswith("╭")]
    assert titles == [f"{name}, channel {channel}" for channel in (0, 1) for name in ("sobel-y", "sobel", "sobel-x")]
    (y0, m0, x0, y1, m1, x1), _ = maps(convcli, tmp_path / "x.npy", *filters)
    np.testing.assert_allclose([m0, m1], [np.hypot(x0, y0), np.hypot(x1, y1)])
    first = convcli("apply", tmp_path / "x.npy", *filters, "--map", "sobel, channel 1", "-f", "json")
    assert np.array(json.loads(first.stdout)["output"])[0, ..., 0].tolist() == m1.tolist()


def test_a_magnitude_in_a_volume_has_three_parts(convcli, tmp_path):
    np.save(tmp_path / "x.npy", np.pad([[[1.0]]], 2))
    done = convcli("apply", tmp_path / "x.npy", "--filter", "sobel", "--axes", "zyx", "-f", "json")
    assert json.loads(done.stdout)["layers"][-1]["inputs"] == ["sobel-x", "sobel-y", "sobel-z"]
    # A corner of the impulse's neighbourhood: one cell along each axis, 1·1·1 each.
    assert json.loads(done.stdout)["output"][0][0][0][0] == pytest.approx([3**0.5])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("filters", "scharr"),
            "'scharr' is not linear: it is the root of the sum of squares of scharr-x and scharr-y (--filter scharr; "
            "in a model, a layer for each of these filters, and hypot of the layers)",
        ),
        (("apply", LINES, "--filter", "sobel", "--bias", 1), "--filter: bias: sobel is not linear and has no bias"),
        (("apply", LINES, "--filter", "sobel:size=5"), "--filter: sobel-x: no parameter 'size' (it has rank=2)"),
        (("apply", BUMP, "--filter", "sobel"), "samples/bump.yaml: shape (8,) has rank 1"),
        (("shape", "-i", "8x8x1", "-l", "Conv2D(['sobel'])"), "'sobel' is not linear: it is the root of the sum of"),
        (
            ("shape", "-i", "8x8x8x1", "-l", "Conv3D({'a': 'sobel:rank=3'})"),
            "of sobel-x:rank=3, sobel-y:rank=3 and sob",
        ),
    ],
)
def test_a_magnitude_is_not_a_filter(convcli, arguments, message):
    done = convcli(*arguments)
    assert done.exit_code == 1
    assert message in done.stderr


def test_results_are_not_clamped(convcli):
    (found,), _ = maps(convcli, LINES, "--filter", "kirsch-w")
    assert found.min() < 0 < found.max()


@pytest.mark.parametrize("width", [50, 80])
def test_names_are_whole_on_any_terminal(width):
    report = FiltersReport(tuple(map(filter_bank.find, filter_bank.names())), listed=True)
    lines = FORMATS["table"].render(report, TextStyle(width=width)).decode().splitlines()
    assert all(any(f"│ {name} " in line for line in lines) for name in filter_bank.names())
    assert width < 80 or max(map(len, lines)) == 80


@pytest.mark.parametrize(("x", "size"), [("1,2,3,4,5,6", [1, 2, 1]), ("\n".join(["1,2,3,4,5,6"] * 6), [1, 2, 2, 1])])
def test_a_filter_of_any_rank_takes_that_of_the_array(convcli, x, size):
    done = convcli("apply", "-", "--filter", "gaussian", "-f", "json", stdin=x)
    assert json.loads(done.stdout)["output_shape"] == size
