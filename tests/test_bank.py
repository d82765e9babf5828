"""The bank of hand-made filters."""

from __future__ import annotations

import numpy as np
import pytest

from convcli.bank import FILTERS

X_FILTERS = sorted(name for name in FILTERS if name.endswith("-x"))


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("bump", [0, 1, 0]),
        ("step", [-1, 1]),
        ("line-vertical", [[0, 1, 0], [0, 1, 0], [0, 1, 0]]),
        ("line-diagonal", [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
        ("prewitt-x", [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]),
        ("sobel-y", [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),  # Sobel and Feldman, 1968
        ("scharr-x", [[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]]),  # Scharr, 2000
        ("laplacian-8", [[1, 1, 1], [1, -8, 1], [1, 1, 1]]),
        ("sharpen", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    ],
)
def test_filters_as_published(name, rows):
    assert FILTERS[name] == rows


@pytest.mark.parametrize("name", X_FILTERS)
def test_y_is_x_turned(name):
    assert np.array_equal(FILTERS[name.removesuffix("x") + "y"], np.transpose(FILTERS[name]))


TOTALS = {name: 3 for name in FILTERS if name.startswith("line-")} | {"bump": 1, "identity": 1, "sharpen": 1}


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_edges_and_curvature_answer_nothing_where_the_input_is_even(name):
    assert np.sum(FILTERS[name]) == TOTALS.get(name, 0)


@pytest.mark.parametrize("name", ["step", "derivative", *X_FILTERS])
def test_a_rise_from_left_to_right_is_positive_in_correlation(name):
    ramp = np.arange(np.shape(FILTERS[name])[-1])
    assert np.sum(FILTERS[name] * ramp) > 0


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_a_name_goes_with_filter_on_the_command_line(convcli, name):
    assert convcli("apply", "samples/lines.yaml", "--filter", name, "-f", "csv").exit_code == 0


def test_no_name_looks_like_a_file():
    assert not [name for name in FILTERS if "." in name or ":" in name]
