"""Find the native core, and the instruction level at which it runs. Importing this does not import NumPy.

The module `_core` is built from the C files of this folder where there is a compiler. `CONVCLI_CORE` lowers the level:
`numpy` does without the core, `baseline`, `avx2` and `avx512` use no instructions beyond that level.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.records import Record

VARIABLE = "CONVCLI_CORE"
LEVELS = ("baseline", "avx2", "avx512")  # in the order of `_core.supported()`
MODULE = "convcli.engine.native._core"


class NativeCore(Record):
    """The module `_core` and the level at which its kernels run."""

    module: Any
    level: int

    @property
    def name(self) -> str:
        """The name of the level."""
        return LEVELS[self.level]

    def block(self, dtype: str) -> int:
        """Return how many filters a block of weights holds."""
        size: int = self.module.block(self.level, dtype == "float64")
        return size


@cache
def native_core() -> NativeCore | None:
    """Return the core that this process uses, None where that is NumPy. Raises `ConvcliError`."""
    core = find_core(os.environ)
    return core if isinstance(core, NativeCore) else None


def find_core(environment: Mapping[str, str]) -> NativeCore | str:
    """Return the native core, or why there is none.

    Raises `ConvcliError` where the environment names a level that does not exist.
    """
    requested = environment.get(VARIABLE, LEVELS[-1])
    if requested not in ("numpy", *LEVELS):
        raise ConvcliError(f"{VARIABLE}={requested!r} in the environment", f"numpy, {', '.join(LEVELS)}")
    if requested == "numpy":
        return VARIABLE
    try:
        module = import_module(MODULE)
    except ModuleNotFoundError:
        return "not built"
    except ImportError as error:
        return f"failed to load: {error}"
    return NativeCore(module, min(LEVELS.index(requested), len(module.supported()) - 1))


def describe_core(environment: Mapping[str, str]) -> str:
    """Return the core in one line: `native avx512`, `numpy (not built)`. Raises `ConvcliError`."""
    core = find_core(environment)
    return f"native {core.name}" if isinstance(core, NativeCore) else f"numpy ({core})"
