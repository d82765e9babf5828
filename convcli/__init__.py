"""convcli: a convolution calculator for the command line, and the small library behind it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convcli.api import LoadedModel as Model
    from convcli.api import Prepared, apply, convolve, explain, fit, load, prepare, summarize
    from convcli.core.errors import ConvcliError

    __version__: str

__all__ = [
    "ConvcliError",
    "Model",
    "Prepared",
    "__version__",
    "apply",
    "convolve",
    "explain",
    "fit",
    "load",
    "prepare",
    "summarize",
]

_ELSEWHERE = {"ConvcliError": "core.errors:ConvcliError", "Model": "api:LoadedModel"}  # all else is in `api`


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that the command line starts at once."""
    if name == "__version__":
        from importlib.metadata import version

        return version("convcli")
    if name in __all__:
        module, _, attribute = _ELSEWHERE.get(name, f"api:{name}").partition(":")
        return getattr(import_module(f"convcli.{module}"), attribute)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
