"""Progress of long work, as whoever does the work reports it."""

from __future__ import annotations

from collections.abc import Callable

# Called with the name of what is at work and the share of all work that is done, from 0 to 1; by any thread.
ProgressCallback = Callable[[str, float], object]


def progress_of_part(
    progress: ProgressCallback | None, index: int, count: int, prefix: str = ""
) -> ProgressCallback | None:
    """Return the callback for the part of this index, of `count` equal parts of the work; None where there is none.

    `prefix` comes before the names that the part reports.
    """
    if progress is None:
        return None
    return lambda name, share: progress(f"{prefix}{name}", (index + share) / count)
