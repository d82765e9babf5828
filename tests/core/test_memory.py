"""Amounts of memory as they are written, what the system says is free, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from convcli.core import memory
from convcli.core.errors import ConvcliError
from convcli.io import arrays


@pytest.mark.parametrize(
    ("written", "amount"),
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
def test_an_amount(written, amount):
    assert memory.parse_size(written) == amount


@pytest.mark.parametrize("written", ["", "GiB", "-1", "1e9", "2 XB", "nan", "٣", "9" * 99])
def test_what_is_no_amount(written):
    with pytest.raises(ConvcliError, match=r"is no amount of memory \(such as 2GiB or 500MB\)$"):
        memory.parse_size(written)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0 B"), (2048, "2,048 B"), (3 << 19, "1,536.0 KiB"), (5 << 30, "5,120.0 MiB"), (1 << 50, "1,024.0 TiB")],
)
def test_an_amount_for_people(amount, text):
    assert memory.format_bytes(amount) == text


def test_what_there_is_not_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "resident", lambda: 100 << 20)
    with memory.limited_to(300 << 20):
        assert memory.available() == 200 << 20
        memory.require(200 << 20, "less")
        with pytest.raises(ConvcliError) as caught:
            memory.require(201 << 20, "less")
    assert str(caught.value) == "needs 301.0 MiB of memory in all, --max-memory is 300.0 MiB (less)"
    monkeypatch.setattr(memory, "system_available", lambda: 1 << 30)
    with pytest.raises(ConvcliError, match=r"^needs 2,048.0 MiB of memory, 1,024.0 MiB is free \(less\)$"):
        memory.require(2 << 30, "less")
    monkeypatch.setattr(memory, "system_available", lambda: None)
    memory.require(1 << 60, "less")  # nothing tells


def test_less_than_the_program_takes():
    with (
        pytest.raises(ConvcliError, match=r"^--max-memory 1,024.0 KiB: the program alone takes .* MiB \(more\)$"),
        memory.limited_to(1 << 20),
    ):
        pass


def test_what_this_system_says():
    free = memory.system_available()
    assert free is not None
    assert 1 << 20 < free < 1 << 50


def group(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(text)


def test_control_groups_leave_what_is_not_used_and_what_is_only_cached(tmp_path):
    group(tmp_path, memory_max="max", memory_current="900", memory_stat="inactive_file 0")
    group(tmp_path / "a", memory_max="1000", memory_current="900", memory_stat="anon 5\ninactive_file 300\n")
    group(tmp_path / "a/b", memory_max="500", memory_current="450", memory_stat="inactive_file 10\n")
    names = ("memory.max", "memory.current", "inactive_file")
    assert list(memory._left(str(tmp_path), "/a/b", *names)) == [60, 400]
    assert list(memory._left(str(tmp_path), "/", *names)) == []
    assert list(memory._left(str(tmp_path), "/gone/a", *names)) == []


TEXTS = {
    "a.csv": ("1,2,3,4\n" * 1000, 80 * 4000),
    "a.json": (f"[{','.join('1' * 1000)}]", 300 * 999),
    "a.yaml": ("- [1, 2, 3]\n" * 1000, 450 * 4000),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_would_take_too_much_is_not_read(name, tmp_path, monkeypatch):
    text, needed = TEXTS[name]
    (tmp_path / name).write_text(text)
    monkeypatch.setattr(memory, "NEGLIGIBLE", 0)
    monkeypatch.setattr(memory, "available", lambda: needed)
    assert arrays.load(str(tmp_path / name)).size
    monkeypatch.setattr(memory, "available", lambda: needed - 1)
    with pytest.raises(ConvcliError, match=f"{name}: needs .* is free .a smaller text; an .npy file takes less.$"):
        arrays.load(str(tmp_path / name))


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_a_file_or_archive_larger_than_memory_is_not_read(name, tmp_path, monkeypatch):
    array = np.zeros(1000)
    np.save(tmp_path / name, array) if name == "a.npy" else np.savez_compressed(tmp_path / name, a=array)
    monkeypatch.setattr(memory, "NEGLIGIBLE", 0)
    monkeypatch.setattr(memory, "available", lambda: 8000)
    with pytest.raises(ConvcliError, match=f"{name}: needs 8,128 B of memory"):
        arrays.load(str(tmp_path / name))
    monkeypatch.setattr(memory, "available", lambda: 9000)
    assert arrays.load(str(tmp_path / name)).size == 1000


@pytest.mark.parametrize(
    ("strides", "counts", "taken"),
    [
        ((4000, 4), (100, 1000), 400_000 + 100),  # all of it, and what is around it
        ((4, 400), (100, 1000), 400_000 + 100),  # in Fortran order
        ((400_000, 4), (100, 25_000), 100 * (100_000 + 100)),  # a quarter of long rows, and what is around each
        ((4, 4000), (1, 10), 10 * (4 + 100)),  # single numbers far apart
        ((4, 40), (1, 10), 9 * 40 + 4 + 100),  # so near that all between come too
    ],
)
def test_what_a_part_of_a_mapped_file_brings_in(strides, counts, taken, monkeypatch):
    monkeypatch.setattr(memory, "FAULT_AROUND", 100)
    assert memory.mapped_bytes(4, strides, counts) == taken
