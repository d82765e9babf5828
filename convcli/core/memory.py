"""The memory that this process may take: as much as `--max-memory` allows, else as much as the system has free.

Work that needs much memory asks here first. A clear message then takes the place of a crash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from convcli.core import system_memory
from convcli.core.errors import ConvcliError
from convcli.core.option_names import spoken

NEGLIGIBLE = 1 << 20  # bytes: less is granted without asking the system
FAULT_AROUND = 1 << 16  # bytes: Linux reads a mapped file in blocks of this size
MAX_ARRAY_VALUES = 1 << 40  # no machine holds more
BINARY_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
UNITS = {"B": 1}
for _power, _letter in enumerate("KMGT", 1):  # as GNU coreutils read them: K and KiB are 1024, KB is 1000
    UNITS |= {_letter: 1024**_power, f"{_letter}IB": 1024**_power, f"{_letter}B": 1000**_power}

_limit: ContextVar[int | None] = ContextVar("_limit", default=None)


class MemoryRefusedError(ConvcliError):
    """The error of work that needs more memory than there is."""


@contextmanager
def limited_to(max_bytes: int | None) -> Iterator[None]:
    """Allow this process at most `max_bytes` in all within the `with` block; None allows what the system has free.

    Raises `ConvcliError` if the process takes more already.
    """
    if max_bytes is not None and max_bytes < system_memory.resident():
        own = format_bytes(system_memory.resident())
        raise ConvcliError(f"--max-memory {format_bytes(max_bytes)}: the program alone takes {own}", "more")
    token = _limit.set(max_bytes)
    try:
        yield
    finally:
        _limit.reset(token)


def available() -> int | None:
    """Return how many bytes this process may take in addition to what it has; None if the system does not tell."""
    limit = _limit.get()
    return system_memory.available() if limit is None else max(0, limit - system_memory.resident())


def require(needed: int, remedy: str) -> None:
    """Raise `ConvcliError` if `needed` bytes are not available. The remedy says how the same work needs less."""
    if needed < NEGLIGIBLE:
        return
    left = available()
    if left is None or needed <= left:
        return
    remedy += spoken("; or more with --max-memory", "")
    limit = _limit.get()
    if limit is None:
        raise MemoryRefusedError(f"needs {format_bytes(needed)} of memory, {format_bytes(left)} is free", remedy)
    total = format_bytes(system_memory.resident() + needed)
    raise MemoryRefusedError(f"needs {total} of memory in all, --max-memory is {format_bytes(limit)}", remedy)


def check_array_size(values: int) -> None:
    """Raise `ConvcliError` for an array of more values than any machine holds."""
    if values > MAX_ARRAY_VALUES:
        raise ConvcliError(f"an array of {values:,} values", f"at most {MAX_ARRAY_VALUES:,}")


def mapped_bytes(itemsize: int, strides: Sequence[int], shape: Sequence[int]) -> int:
    """Return how much of a mapped file is read along with a view of its array, in bytes.

    `strides` and `shape` are the view's. The system reads whole blocks: values that lie far apart bring in a block
    each, values that lie close share one.
    """
    read, span = itemsize + FAULT_AROUND, itemsize
    for stride, extent in sorted(zip(strides, shape, strict=True)):
        span += (extent - 1) * stride
        read = min(extent * read, span + FAULT_AROUND)
    return read


def parse_size(text: str) -> int:
    """Return a size such as `2GiB`, `500MB`, `64M` or `4096`, in bytes. Raises `ConvcliError`."""
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) *([A-Za-z]*)", text.strip())
    unit = UNITS.get((match[2] or "B").upper()) if match else None
    if match is None or unit is None:
        raise ConvcliError(f"{text!r} is not an amount of memory", "such as 2GiB or 500MB")
    return int(float(match[1]) * unit)


def format_bytes(count: int) -> str:
    """Return a size as text, `192.9 KiB`, in the largest unit of which it is at least one."""
    power = 0
    while count >= 1024 ** (power + 1) and power < len(BINARY_UNITS) - 1:
        power += 1
    return f"{count / 1024**power:,.1f} {BINARY_UNITS[power]}" if power else f"{count:,} B"
