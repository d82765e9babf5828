"""The instruction levels of the native core, for tests that run at each of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from convcli.engine.native.core import LEVELS, VARIABLE, NativeCore, native_core


@contextmanager
def core_at(level: str) -> Iterator[NativeCore | None]:
    """Let this process use the core at a level, or NumPy, within the context. Yields the core, None for NumPy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, level)
        native_core.cache_clear()
        try:
            yield native_core()
        finally:
            native_core.cache_clear()


def levels() -> list[str]:
    """Return the levels that this machine has; where the core is not built, one that tests are skipped for."""
    with core_at(LEVELS[-1]) as core:
        return list(LEVELS[: core.level + 1]) if core else ["not built"]


LEVELS_HERE = levels()
_NOT_BUILT = pytest.mark.skipif("not built" in LEVELS_HERE, reason="no core")
at_every_level = pytest.mark.parametrize("level", [pytest.param(level, marks=_NOT_BUILT) for level in LEVELS_HERE])


@pytest.fixture(scope="module")
def numpy_core() -> Iterator[None]:
    """Let NumPy compute in all tests of a module."""
    with core_at("numpy"):
        yield
