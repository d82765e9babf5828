"""The memory that the system reports as taken and free."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

CGROUP_ROOT = "/sys/fs/cgroup"
CGROUP_V1_FILES = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
CGROUP_V2_FILES = ("memory.max", "memory.current", "inactive_file")


def resident() -> int:
    """Return the memory that this process has now, in bytes; 0 if the system does not tell."""
    pages = _number_in("/proc/self/statm", 1)
    return 0 if pages is None else pages * os.sysconf("SC_PAGE_SIZE")


def available() -> int | None:
    """Return how many bytes more this process can have; None if the system does not tell.

    It is the least of what the machine has free, what the process's own limit leaves, and what its control groups
    (containers) leave.
    """
    amounts = [
        amount for amount in (_free_on_machine(), _left_by_own_limit(), *_left_by_groups()) if amount is not None
    ]
    return max(0, min(amounts)) if amounts else None


def _free_on_machine() -> int | None:
    with suppress(OSError, KeyError):
        return _named_numbers("/proc/meminfo")["MemAvailable:"] * 1024
    with suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _left_by_own_limit() -> int | None:
    """Return what the limit that `ulimit -v` sets leaves, in bytes; None without a limit."""
    try:
        import resource
    except ImportError:  # not a Unix
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    pages = _number_in("/proc/self/statm", 0)
    return None if limit == resource.RLIM_INFINITY or pages is None else limit - pages * os.sysconf("SC_PAGE_SIZE")


def _left_by_groups() -> Iterator[int]:
    """Yield the bytes that each control group of the process leaves."""
    with suppress(OSError):
        for line in _read("/proc/self/cgroup").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "":
                yield from left_by_group(CGROUP_ROOT, path, *CGROUP_V2_FILES)
            elif "memory" in controllers.split(","):
                yield from left_by_group(f"{CGROUP_ROOT}/memory", path, *CGROUP_V1_FILES)


def left_by_group(root: str, path: str, limit_file: str, usage_file: str, cached_key: str) -> Iterator[int]:
    """Yield the bytes that a control group and each group around it leave.

    Cached files count as free: the system drops them when memory is needed.
    """
    parts = [part for part in path.split("/") if part]
    for depth in range(len(parts), -1, -1):
        group = "/".join([root, *parts[:depth]])
        limit, usage = _number_in(f"{group}/{limit_file}"), _number_in(f"{group}/{usage_file}")
        if limit is not None and usage is not None:
            yield limit - usage + _named_numbers(f"{group}/memory.stat").get(cached_key, 0)


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as stream:
        return stream.read()


def _named_numbers(path: str) -> dict[str, int]:
    """Return the numbers in a file of lines `name number`, by name."""
    pairs = (line.split()[:2] for line in _read(path).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def _number_in(path: str, index: int = 0) -> int | None:
    """Return one of the numbers in a file; None if there is none: the limit of an unlimited group is the word `max`."""
    with suppress(OSError, ValueError, IndexError):
        return int(_read(path).split()[index])
    return None
