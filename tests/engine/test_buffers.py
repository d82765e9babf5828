"""Memory that is used again, and when a value may be overwritten."""

from __future__ import annotations

from collections import Counter

import numpy as np

from convcli.engine.buffers import LiveValues, SpareMemory


def spare_blocks(*sizes):
    """Return spare memory that holds blocks of these sizes in bytes."""
    spare = SpareMemory()
    for size in sizes:
        spare.give_back(np.empty(size, np.uint8))
    return spare


def live_values(inputs, **uses):
    return LiveValues(inputs, Counter(uses), results=["result"], spare=SpareMemory())


def test_the_smallest_spare_block_that_fits_is_used_again():
    array = spare_blocks(160, 80, 70).take((10,), "float64")
    assert (array.nbytes, array.base.nbytes) == (80, 80)


def test_a_spare_block_of_more_than_four_times_the_size_is_not_used():
    assert spare_blocks(4 * 80 + 1).take((10,), "float64").base.nbytes == 80
    assert spare_blocks(4 * 80).take((10,), "float64").base.nbytes == 4 * 80


def test_spare_blocks_that_were_not_taken_since_the_last_time_are_dropped():
    spare = spare_blocks(80, 800)
    spare.give_back(spare.take((10,), "float64").base)
    spare.drop_unused()
    assert [block.nbytes for block in spare._free] == [80]
    spare.drop_unused()
    assert spare._free == []


def test_a_value_may_be_overwritten_at_its_last_use():
    values = live_values({}, a=2)
    values["a"] = np.ones(3)
    assert not values.is_last_use("a")
    values.count_use("a")
    assert values.is_last_use("a")


def test_a_value_whose_memory_another_value_is_in_is_not_overwritten():
    values = live_values({}, a=1, b=1)
    values["a"] = np.ones((3, 2))
    values["b"] = values["a"].reshape(6)
    assert not values.is_last_use("a")
    values.count_use("a")
    assert values.is_last_use("b")


def test_neither_an_input_nor_a_view_of_it_is_overwritten():
    values = live_values({"x": np.ones((3, 2))}, x=1, view=1)
    assert not values.is_last_use("x")
    values["view"] = values["x"][1:]
    values.count_use("x")
    assert not values.is_last_use("view")


def test_a_result_gets_memory_of_its_own():
    values = live_values({}, a=1)
    assert values.allocate("result", (10,), "float64").base is None
    assert values.allocate("a", (10,), "float64").base is not None  # a block of spare memory
