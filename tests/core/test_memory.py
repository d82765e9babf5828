"""How amounts of memory are written, and which are refused."""

from __future__ import annotations

import pytest

from convcli.core import memory, system_memory
from convcli.core.errors import ConvcliError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4096", 4096),
        ("2GiB", 2 << 30),
        ("2 gib", 2 << 30),
        ("500MB", 500_000_000),
        ("64M", 64 << 20),
        ("1.5K", 1536),
        ("1TiB", 1 << 40),
    ],
)
def test_a_size_is_a_number_with_a_unit(text, size):
    assert memory.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GiB", "-1", "1e9", "2 XB", "nan", "٣", "9" * 99])
def test_a_text_that_is_not_a_size_is_an_error(text):
    with pytest.raises(ConvcliError, match=r"is not an amount of memory \(such as 2GiB or 500MB\)$"):
        memory.parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1_023, "1,023 B"),
        (10_000, "9.8 KiB"),  # 10,000 / 1,024
        (3 << 19, "1.5 MiB"),
        (5 << 30, "5.0 GiB"),
        (1 << 50, "1,024.0 TiB"),
        (1 << 60, "1,048,576.0 TiB"),
    ],
)
def test_a_size_is_written_in_the_largest_unit_of_which_it_is_at_least_one(size, text):
    assert memory.format_bytes(size) == text


def test_more_than_max_memory_leaves_is_refused(monkeypatch):
    monkeypatch.setattr(system_memory, "resident", lambda: 100 << 20)
    with memory.limited_to(300 << 20):
        assert memory.available() == 200 << 20
        memory.require(200 << 20, "less")
        with pytest.raises(ConvcliError) as caught:
            memory.require(201 << 20, "less")
    assert str(caught.value) == "needs 301.0 MiB of memory in all, --max-memory is 300.0 MiB (less)"


def test_more_than_the_system_has_free_is_refused(monkeypatch):
    monkeypatch.setattr(system_memory, "available", lambda: 1 << 30)
    memory.require(1 << 30, "less")
    with pytest.raises(ConvcliError, match=r"^needs 2.0 GiB of memory, 1.0 GiB is free \(less\)$"):
        memory.require(2 << 30, "less")


def test_nothing_is_refused_where_the_system_does_not_tell(monkeypatch):
    monkeypatch.setattr(system_memory, "available", lambda: None)
    memory.require(1 << 60, "less")


def test_a_limit_below_what_the_program_takes_is_an_error():
    with (
        pytest.raises(ConvcliError, match=r"^--max-memory 1.0 MiB: the program alone takes .* MiB \(more\)$"),
        memory.limited_to(1 << 20),
    ):
        pass


def test_an_array_beyond_any_machine_is_an_error():
    memory.check_array_size(1 << 40)
    with pytest.raises(ConvcliError, match=r"^an array of 1,099,511,627,777 values \(at most 1,099,511,627,776\)$"):
        memory.check_array_size((1 << 40) + 1)


@pytest.mark.parametrize(
    ("strides", "shape", "read"),
    [
        ((4000, 4), (100, 1000), 400_000 + 100),  # the whole array, and what is around it
        ((4, 400), (100, 1000), 400_000 + 100),  # the same in Fortran order
        ((400_000, 4), (100, 25_000), 100 * (100_000 + 100)),  # a quarter of long rows, and what is around each
        ((4, 4000), (1, 10), 10 * (4 + 100)),  # single values far apart
        ((4, 40), (1, 10), 9 * 40 + 4 + 100),  # values so close that everything between them is read, too
    ],
)
def test_a_view_of_a_mapped_file_brings_in_what_is_around_its_values(strides, shape, read, monkeypatch):
    monkeypatch.setattr(memory, "FAULT_AROUND", 100)
    assert memory.mapped_bytes(4, strides, shape) == read
