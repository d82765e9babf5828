"""How much memory there may be: what is asked for, else what the machine, or the group that it runs in, has free."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from convcli.core.errors import ConvcliError

BINARY_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
UNITS = {"B": 1}
for _power, _letter in enumerate("KMGT", 1):  # as GNU coreutils spell them
    UNITS |= {_letter: 1024**_power, f"{_letter}IB": 1024**_power, f"{_letter}B": 1000**_power}
CGROUP_ROOT = "/sys/fs/cgroup"
NEGLIGIBLE = 1 << 20  # bytes
FAULT_AROUND = 1 << 16  # bytes of a mapped file that Linux brings in together

_most: ContextVar[int | None] = ContextVar("_most", default=None)


@contextmanager
def limited_to(most: int | None) -> Iterator[None]:
    """Let this process have no more than so many bytes in all; None: what is free.

    Raises `ConvcliError` where it has more already.
    """
    if most is not None and most < resident():
        raise ConvcliError(
            f"--max-memory {format_bytes(most)}: the program alone takes {format_bytes(resident())}", "more"
        )
    before = _most.set(most)
    try:
        yield
    finally:
        _most.reset(before)


def require(needed: int, remedy: str) -> None:
    """Raise `ConvcliError` where so many bytes more are not to be had."""
    if needed < NEGLIGIBLE:
        return
    left = available()
    if left is None or needed <= left:
        return
    limit = _most.get()
    if limit is None:
        raise ConvcliError(f"needs {format_bytes(needed)} of memory, {format_bytes(left)} is free", remedy)
    raise ConvcliError(
        f"needs {format_bytes(resident() + needed)} of memory in all, --max-memory is {format_bytes(limit)}", remedy
    )


def available() -> int | None:
    """How many bytes more this process may take; None where nothing tells."""
    limit = _most.get()
    return system_available() if limit is None else max(0, limit - resident())


def parse_size(written: str) -> int:
    """`2GiB`, `500MB`, `64M` or a number of bytes. Raises `ConvcliError`."""
    found = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) *([A-Za-z]*)", written.strip())
    unit = UNITS.get((found[2] or "B").upper()) if found else None
    if found is None or unit is None:
        raise ConvcliError(f"{written!r} is no amount of memory", "such as 2GiB or 500MB")
    return int(float(found[1]) * unit)


def format_bytes(count: int) -> str:
    """Return a size as text, such as `192.9 KiB`, in a unit that leaves at most four digits before the point."""
    power = 0
    while count >= 10_000 * 1024**power and power < len(BINARY_UNITS) - 1:
        power += 1
    return f"{count / 1024**power:,.1f} {BINARY_UNITS[power]}" if power else f"{count:,} B"


def mapped_bytes(size: int, strides: Sequence[int], counts: Sequence[int]) -> int:
    """Bytes of a mapped file that come in with a part of its array: `counts` numbers of `size` bytes, `strides` apart.

    Numbers that lie apart bring in what is around each.
    """
    taken, span = size + FAULT_AROUND, size
    for stride, count in sorted(zip(strides, counts, strict=True)):
        span += (count - 1) * stride
        taken = min(count * taken, span + FAULT_AROUND)
    return taken


# ---- what the system says ----


def resident() -> int:
    """How much memory this process has now."""
    pages = _first_number("/proc/self/statm", 1)
    return 0 if pages is None else pages * os.sysconf("SC_PAGE_SIZE")


def system_available() -> int | None:
    """What the machine has free for this process, or the groups that it is in, or its own limit leaves."""
    found = [each for each in (_machine(), _own_limit(), *_groups()) if each is not None]
    return max(0, min(found)) if found else None


def _machine() -> int | None:
    with suppress(OSError, KeyError):
        return _numbers("/proc/meminfo")["MemAvailable:"] * 1024
    with suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _own_limit() -> int | None:
    """What `ulimit -v` leaves."""
    try:
        import resource
    except ImportError:  # not a Unix
        return None
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    pages = _first_number("/proc/self/statm", 0)
    return None if most == resource.RLIM_INFINITY or pages is None else most - pages * os.sysconf("SC_PAGE_SIZE")


def _groups() -> Iterator[int]:
    """What each control group that the process is in has left; cached files count as free."""
    with suppress(OSError):
        for line in _text("/proc/self/cgroup").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "":
                yield from _left(CGROUP_ROOT, path, "memory.max", "memory.current", "inactive_file")
            elif "memory" in controllers.split(","):
                names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
                yield from _left(f"{CGROUP_ROOT}/memory", path, *names)


def _left(root: str, path: str, most: str, used: str, cached: str) -> Iterator[int]:
    parts = [part for part in path.split("/") if part]
    for depth in range(len(parts), -1, -1):
        group = "/".join([root, *parts[:depth]])
        limit, now = _first_number(f"{group}/{most}"), _first_number(f"{group}/{used}")
        if limit is not None and now is not None:
            yield limit - now + _numbers(f"{group}/memory.stat").get(cached, 0)


def _text(path: str) -> str:
    with open(path, encoding="utf-8") as stream:
        return stream.read()


def _numbers(path: str) -> dict[str, int]:
    """The numbers in a file of lines `name number`."""
    pairs = (line.split()[:2] for line in _text(path).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def _first_number(path: str, place: int = 0) -> int | None:
    """A number in a file of numbers; None where there is none, as where the file says `max`."""
    with suppress(OSError, ValueError, IndexError):
        return int(_text(path).split()[place])
    return None
