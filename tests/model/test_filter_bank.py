"""The bank of hand-made filters: as published, as other tools have them, and by their laws."""

from __future__ import annotations

import json
from itertools import pairwise
from math import exp

import numpy as np
import pytest
from conftest import ROOT

from convcli.core.errors import ConvcliError
from convcli.model import filter_bank
from convcli.model.filter_bank import FILTERS, find

X_FILTERS = sorted(name for name in FILTERS if name.endswith("-x"))
REFERENCE = json.loads((ROOT / "tests" / "reference" / "filters.json").read_text())


SOBEL_X = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]


def values(name, axes=None):
    return np.array(find(name, axes).values, float)


# ---- as published ----


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("bump", [0, 1, 0]),
        ("step", [-1, 1]),
        ("derivative", [-0.5, 0, 0.5]),
        ("line-vertical", [[0, 1, 0], [0, 1, 0], [0, 1, 0]]),
        ("line-diagonal", [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
        ("prewitt-x", [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]),
        ("sobel-x", SOBEL_X),
        ("sobel-y", [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),  # Sobel and Feldman, 1968
        ("scharr-x", [[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]]),  # Scharr, 2000
        (
            "sobel-x:rank=3",
            [SOBEL_X, [[-2, 0, 2], [-4, 0, 4], [-2, 0, 2]], SOBEL_X],
        ),
        ("roberts-x", [[-1, 0], [0, 1]]),
        ("roberts-y", [[0, -1], [1, 0]]),
        ("kirsch-n", [[5, 5, 5], [-3, 0, -3], [-3, -3, -3]]),  # Kirsch, 1971
        ("kirsch-nw", [[5, 5, -3], [5, 0, -3], [-3, -3, -3]]),
        ("kirsch-w", [[5, -3, -3], [5, 0, -3], [5, -3, -3]]),
        ("kirsch-sw", [[-3, -3, -3], [5, 0, -3], [5, 5, -3]]),
        ("kirsch-s", [[-3, -3, -3], [-3, 0, -3], [5, 5, 5]]),
        ("kirsch-se", [[-3, -3, -3], [-3, 0, 5], [-3, 5, 5]]),
        ("kirsch-e", [[-3, -3, 5], [-3, 0, 5], [-3, -3, 5]]),
        ("kirsch-ne", [[-3, 5, 5], [-3, 0, 5], [-3, -3, -3]]),
        ("robinson-n", [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]),  # Robinson, 1977
        ("robinson-nw", [[2, 1, 0], [1, 0, -1], [0, -1, -2]]),
        ("robinson-w", [[1, 0, -1], [2, 0, -2], [1, 0, -1]]),
        ("robinson-se", [[-2, -1, 0], [-1, 0, 1], [0, 1, 2]]),
        ("robinson-ne", [[0, 1, 2], [-1, 0, 1], [-2, -1, 0]]),
        ("laplacian-4", [[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
        ("laplacian-8", [[1, 1, 1], [1, -8, 1], [1, 1, 1]]),
        ("edge", [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
        ("sharpen", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
        ("emboss", [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]),  # the GIMP manual
        ("identity", [[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
        ("identity:rank=1", [0, 1, 0]),
        ("identity:size=1,rank=3", [[[1]]]),
        ("moving-average:size=4", [0.25] * 4),
        ("box:size=2", [[0.25, 0.25], [0.25, 0.25]]),
        ("motion-blur:size=3", [[0, 0, 0], [1 / 3, 1 / 3, 1 / 3], [0, 0, 0]]),
        ("motion-blur:size=3,theta=-90", [[0, 1 / 3, 0], [0, 1 / 3, 0], [0, 1 / 3, 0]]),
        ("unsharp:amount=0", np.pad([[1]], 2).tolist()),
    ],
)
def test_a_filter_has_its_published_values(name, published):
    assert find(name).values == published


def test_unsharp_masking_has_binomial_weights():
    published = [
        [1, 4, 6, 4, 1],
        [4, 16, 24, 16, 4],
        [6, 24, -476, 24, 6],
        [4, 16, 24, 16, 4],
        [1, 4, 6, 4, 1],
    ]
    assert (-256 * values("unsharp")).tolist() == published


def test_the_laplacian_of_a_gaussian_is_the_published_one():
    # Fisher, Perkins, Walker and Wolfart, "Hypermedia Image Processing Reference": sigma 1.4, in whole numbers.
    published = [
        [0, 1, 1, 2, 2, 2, 1, 1, 0],
        [1, 2, 4, 5, 5, 5, 4, 2, 1],
        [1, 4, 5, 3, 0, 3, 5, 4, 1],
        [2, 5, 3, -12, -24, -12, 3, 5, 2],
        [2, 5, 0, -24, -40, -24, 0, 5, 2],
    ]
    published += published[3::-1]
    found = values("laplacian-of-gaussian")
    assert np.abs(found * (-40 / found[4, 4]) - published).max() <= 1.01


def test_a_slanting_motion_blur_weighs_cells_by_their_distance_from_the_line():
    # From (-1/√2, 1/√2) to (1/√2, -1/√2) around the middle; the corner is 1 away from the middle less 1, √2 - 1 off.
    corner, beside = 1 - (2**0.5 - 1), 1 - 0.5**0.5
    weights = np.array([[0, beside, corner], [beside, 1, beside], [corner, beside, 0]])
    assert values("motion-blur:size=3,theta=45") == pytest.approx(weights / weights.sum(), abs=1e-15)


def test_a_gaussian_is_the_normal_density_divided_by_its_sum():
    side = exp(-1 / (2 * 0.8**2))
    assert find("gaussian:size=3,sigma=0.8,rank=1").values == pytest.approx(np.array([side, 1, side]) / (1 + 2 * side))


# ---- as other tools have them ----


@pytest.mark.parametrize("case", REFERENCE["cases"], ids=lambda case: f"{case['name']} {case['source']}")
def test_a_filter_is_that_of_another_tool(case):
    raw = find(case["name"]).values
    found = np.array(filter_bank.normalize(raw) if case["normalize"] else raw)
    expected = case["factor"] * np.array(case["kernel"])
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-14


# ---- sizes from sigma ----


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("gaussian", (5, 5)),  # a bare name keeps its size
        ("gaussian:sigma=1", (9, 9)),  # 2 * int(4 * 1 + 0.5) + 1
        ("gaussian:sigma=3", (25, 25)),
        ("gaussian:sigma=0.1", (1, 1)),
        ("gaussian:size=5,sigma=3", (5, 5)),
        ("gaussian:sigma=3,rank=1", (25,)),
        ("gaussian:sigma=1,2", (9, 17)),
        ("gaussian:sigma=1,2,2", (9, 17, 17)),
        ("gaussian:rank=3,sigma=1,2,2", (9, 17, 17)),
        ("gaussian:sigma=2,2", (17, 17)),
        ("gaussian:size=3,5,sigma=0.5,1", (3, 5)),
        ("gaussian:size=3,5,7", (3, 5, 7)),
        ("laplacian-of-gaussian", (9, 9)),
        ("laplacian-of-gaussian:sigma=3", (25, 25)),
        ("laplacian-of-gaussian:sigma=1,2", (9, 17)),
        ("laplacian-of-gaussian:sigma=1,2,2", (9, 17, 17)),
        ("unsharp", (5, 5)),
        ("unsharp:sigma=0", (5, 5)),  # binomial weights have no sigma
        ("unsharp:sigma=2", (17, 17)),
        ("gabor:sigma=2", (33, 33)),  # across the waves the deviation is sigma / gamma = 4
        ("gabor:sigma=2,gamma=2", (17, 17)),
        ("gabor:sigma=2,gamma=0", (17, 17)),
    ],
)
def test_the_size_follows_from_sigma_unless_the_name_says_it(name, shape):
    found = find(name)
    assert found.shape == np.array(found.values).shape == shape
    assert found.size_from_sigma == ("sigma=" in name and "size" not in name and name != "unsharp:sigma=0")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gaussian:sigma=1,2,2,1", "sigma=1,2,2,1: 4 numbers (one number, or one for each of the 3 axes)"),
        ("gaussian:sigma=1,2,rank=3", "sigma=1,2: 2 numbers (one number, or one for each of the 3 axes)"),
        ("gaussian:sigma=1,2,rank=1", "sigma=1,2: 2 numbers (one number for the one axis)"),
        ("gaussian:size=3,3,3,sigma=1,2", "sigma=1,2: 2 numbers (one number, or one for each of the 3 axes)"),
        ("laplacian-of-gaussian:sigma=1,2,rank=3", "sigma=1,2: 2 numbers (one number, or one for each of the 3 axes)"),
        ("gaussian:sigma=1,", "sigma=1, (a number from 0.01 to 10000, or one for each axis)"),
        ("gaussian:sigma=1,x", "sigma=1,x (a number from 0.01 to 10000, or one for each axis)"),
        ("gaussian:size=3,sigma", "sigma without a value (such as sigma=1)"),
        ("box:size=3,5", "size=3,5 (a whole number from 1 to 1001)"),
        (
            "gaussian:sigma=200",
            "sigma=200 needs 1,601 cells along an axis (at most 1,001; or a size, which cuts it off)",
        ),
        ("gaussian:sigma=20,rank=3", "4,173,281 values (at most 1,002,001)"),
    ],
)
def test_a_wrong_number_of_sigmas_or_one_too_large_is_an_error(name, message):
    with pytest.raises(ConvcliError) as caught:
        find(name)
    assert str(caught.value) == f"{name.partition(':')[0]}: {message}"


@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("gaussian:size=5,sigma=3", 40),
        ("gaussian:size=3,5,sigma=1", 12),
        ("laplacian-of-gaussian:size=9,sigma=3", 13),
        ("unsharp:size=5,sigma=3", 40),
    ],
)
def test_a_size_that_cuts_off_more_than_a_twentieth_of_the_weight_is_warned_of(name, share):
    found = find(name)
    size = int(str(found.parameters).split("size=")[1].split(",")[0])
    sigma = found.arguments["sigma"]
    cells = np.arange(-int(4 * sigma + 0.5), int(4 * sigma + 0.5) + 1)
    bell = np.exp(-(cells**2) / (2 * sigma**2))
    assert round(100 - 100 * bell[abs(cells) <= size // 2].sum() / bell.sum()) == share
    figure = f"{size} cells cut off {share}% of the weight along an axis: sigma {sigma:g} needs {len(cells)}"
    assert figure in found.warning


@pytest.mark.parametrize(
    "name",
    [
        *("gaussian", "gaussian:sigma=3", "gaussian:size=3", "gaussian:size=5,sigma=1.2", "gaussian:size=99,sigma=3"),
        *("unsharp:size=3,sigma=0", "gabor:size=9,sigma=3", "laplacian-of-gaussian"),
    ],
)
def test_any_other_size_is_not_warned_of(name):
    assert find(name).warning is None


# ---- laws ----


@pytest.mark.parametrize("name", X_FILTERS)
def test_a_y_filter_is_its_x_filter_after_a_quarter_turn(name):
    x, y = values(name), values(name.removesuffix("x") + "y")
    assert np.array_equal(y, np.rot90(x, -1))
    assert name == "roberts-x" or np.array_equal(y, x.T)


@pytest.mark.parametrize("name", ["kirsch", "robinson"])
def test_a_compass_filter_is_the_one_before_it_turned_by_45_degrees(name):
    ring = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]  # clockwise
    clockwise = ["n", "ne", "e", "se", "s", "sw", "w", "nw"]
    outer = [[values(f"{name}-{direction}")[cell] for cell in ring] for direction in clockwise]
    for before, after in zip(outer, outer[1:] + outer[:1], strict=True):
        assert after == before[-1:] + before[:-1]
    rise = {"n": (-1, 0), "ne": (-1, 1), "e": (0, 1), "se": (1, 1), "s": (1, 0)}
    for direction, (down, right) in rise.items():
        ramp = np.add.outer(down * np.arange(3), right * np.arange(3))
        assert np.sum(values(f"{name}-{direction}") * ramp) > 0
    assert np.array_equal(values("robinson-e"), values("sobel-x"))


TOTALS = {name: 3 for name in FILTERS if name.startswith("line-")} | dict.fromkeys(
    ("bump", "identity", "sharpen", "unsharp", "emboss", "gaussian", "box", "motion-blur", "moving-average"), 1
)


@pytest.mark.parametrize("name", [name for name in filter_bank.names() if name != "gabor"])
def test_filters_for_edges_and_curvature_have_a_sum_of_0_and_the_others_of_their_gain(name):
    assert np.sum(find(name).values) == pytest.approx(TOTALS.get(name.partition(":")[0], 0), abs=1e-14)


def test_waves_that_begin_at_a_zero_are_odd():
    odd = values("gabor:psi=90,theta=30")
    assert np.array_equal(odd, -np.flip(odd))
    assert odd[4, 4] == 0


@pytest.mark.parametrize("name", ["step", "derivative", *X_FILTERS])
def test_a_rise_from_left_to_right_is_positive_in_correlation(name):
    ramp = np.arange(values(name).shape[-1])
    assert np.sum(values(name) * ramp) > 0


@pytest.mark.parametrize("name", ["gaussian", "box", "identity"])
def test_a_filter_of_several_ranks_is_separable(name):
    line = values(f"{name}:size=7,rank=1")
    assert values(f"{name}:size=7") == pytest.approx(np.multiply.outer(line, line), abs=1e-15)
    assert values(f"{name}:size=7,rank=3") == pytest.approx(
        np.multiply.outer(np.multiply.outer(line, line), line), abs=1e-15
    )


@pytest.mark.parametrize("name", ["laplacian-of-gaussian", "gaussian", "unsharp"])
def test_isotropic_filters_are_symmetric(name):
    found = values(name)
    assert np.array_equal(found, np.flip(found, 0))
    assert found == pytest.approx(found.T, abs=1e-15)


@pytest.mark.parametrize("name", ["motion-blur", "gabor"])
def test_an_angle_turns_the_filter(name):
    assert values(f"{name}:theta=180") == pytest.approx(values(name), abs=1e-15)
    assert values(f"{name}:theta=90") == pytest.approx(np.rot90(values(name)), abs=1e-15)
    assert values(f"{name}:theta=45") == pytest.approx(np.flip(values(f"{name}:theta=-45"), 0), abs=1e-15)


def test_a_motion_blur_turns_anticlockwise_and_waves_clockwise():
    assert values("motion-blur:theta=45")[0, 4] > values("motion-blur:theta=45")[0, 0] == 0
    # The waves run down to the right, so that their crests rise to the right.
    assert values("gabor:theta=45")[2, 6] > 0 > values("gabor:theta=45")[2, 2]


# ---- sums and names ----


@pytest.mark.parametrize(
    ("values", "value_sum", "divisor"),
    [
        ([1, 2, 3], 6, 6),
        ([-1, -1], -2, -2),
        ([[-1, 2], [-3, 2]], 0, 4),
        ([0.1, 0.2, -0.3], 0, 0.3),  # 5.6e-17 in floating point
        ([1, -1, 1e-6], 1e-6, 1e-6),  # small, but no rounding
        ([0, 0], 0, 1),
    ],
)
def test_a_filter_is_normalized_by_its_sum_or_that_of_its_positive_values(values, value_sum, divisor):
    assert filter_bank.value_sum(values) == value_sum
    assert filter_bank.normalizer(values) == pytest.approx(divisor)
    assert np.array(filter_bank.normalize(values)) == pytest.approx(np.array(values) / divisor)


@pytest.mark.parametrize("name", filter_bank.names())
def test_a_name_goes_with_filter_on_the_command_line(convcli, name, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((1, *(11 for _ in find(name).shape), 1)))
    assert convcli("apply", tmp_path / "x.npy", "--filter", name, "-f", "csv").exit_code == 0


def test_no_name_looks_like_a_file():
    assert not [name for name in FILTERS if "." in name or ":" in name]


def test_every_filter_is_listed_once_in_its_group():
    names = filter_bank.names()
    assert {name.partition(":")[0] for name in names} == set(FILTERS)
    assert len(set(names)) == len(names)
    groups = [find(name).group for name in names]
    assert sum(group != following for group, following in pairwise(groups)) == len(set(groups)) - 1
    for name in names:
        found = find(name)
        assert found.group[0] in ("1", "3") or len(found.shape) == 2
        assert np.array(found.values).shape == found.shape
        assert found.recipe.does
        assert found.recipe.source


def test_the_parameters_that_are_shown_make_the_same_filter():
    parametric = [name for name in filter_bank.names() if find(name).arguments]
    parametric += ["gaussian:sigma=1,2,2", "laplacian-of-gaussian:sigma=1,2", "unsharp:sigma=2"]
    for name in parametric:
        found = find(name)
        assert find(f"{name.partition(':')[0]}:{found.parameters}").values == found.values
    assert "gabor" in parametric


@pytest.mark.parametrize(
    ("name", "axes", "shape"),
    [
        ("gaussian", None, (5, 5)),
        ("gaussian", 1, (5,)),
        ("gaussian", 0, (5, 5)),
        ("box:size=2", 3, (2, 2, 2)),
        ("box:rank=1", 3, (3,)),
        ("sobel-x", 1, (3, 3)),
    ],
)
def test_a_filter_of_any_rank_takes_that_of_its_layer(name, axes, shape):
    assert find(name, axes).shape == shape


def test_the_rank_of_a_name_is_open_unless_the_name_or_the_filter_says_it():
    assert filter_bank.rank_of("gaussian:size=3") is None
    assert (filter_bank.rank_of("gaussian:rank=2"), filter_bank.rank_of("bump")) == (2, 1)
    assert filter_bank.rank_of("gaussian:sigma=1,2,2") == 3


def test_the_rank_is_open_where_a_filter_of_three_axes_would_be_too_large():
    # 161 = 2 * 4 * 20 + 1 cells an axis: 161**2 = 25,921 values in two dimensions, 161**3 = 4,173,281 in three
    assert filter_bank.rank_of("gaussian:sigma=20") is None
    assert find("gaussian:sigma=20", 2).shape == (161, 161)


@pytest.mark.parametrize(
    "name",
    [
        *("", "gausian", "Sobel-X", "gaussian:", "gaussian:size", "gaussian:size=", "gaussian:size=4"),
        *("gaussian:size=5.0", "gaussian:size=1003", "gaussian:size=-1", "gaussian:size=0", "gaussian:sigma=nan"),
        *("gaussian:sigma=inf", "gaussian:sigma=0", "gaussian:sigma=1_0", "gaussian:size=3,size=5", "gaussian:rank=4"),
        *("gaussian:size=3,", "gaussian:size=3;sigma=1", "gaussian:width=3", "sobel-x:size=3", "sobel-x:"),
        *("gaussian:size=101,rank=3", "gaussian:size=" + "9" * 5000),
    ],
)
def test_a_name_that_is_not_of_the_bank_is_an_error(name):
    with pytest.raises(ConvcliError):
        find(name)


@pytest.mark.parametrize("sigma", [0.01, 10_000])
@pytest.mark.parametrize("name", ["gaussian", "laplacian-of-gaussian", "gabor", "unsharp"])
def test_extreme_parameters_make_numbers(name, sigma):
    assert np.isfinite(values(f"{name}:size=101,sigma={sigma}")).all()


@pytest.mark.parametrize("theta", [0, 30, 45, 60, 90, 135, -45, 180])
def test_rounding_leaves_no_weights_beside_a_motion_blur(theta):
    weights = values(f"motion-blur:size=9,theta={theta}")
    assert weights.max() > 1 / 18
    assert not ((weights > 0) & (weights < 1e-9)).any()
