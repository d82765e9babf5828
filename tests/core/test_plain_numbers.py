"""NumPy's numbers as Python's."""

from __future__ import annotations

import numpy as np

from convcli.core.plain_numbers import plain_numbers


def test_numbers_of_numpy_become_pythons_in_lists_tuples_and_dicts():
    plain = plain_numbers({"a": [np.int64(3), (np.float32(0.5), np.True_)], "b": None, "c": "text"})
    assert plain == {"a": [3, (0.5, True)], "b": None, "c": "text"}
    assert [type(number) for number in (plain["a"][0], *plain["a"][1])] == [int, float, bool]


def test_arrays_stay():
    array = np.zeros((2, 2))
    assert plain_numbers([array])[0] is array
