"""convcli: a convolution calculator for the command line, and the small library behind it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convcli.api import Prepared, apply, convolve, explain, fit, load, prepare, summarize
    from convcli.core.errors import ConvcliError
    from convcli.model.graph import Model

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

_HOMES = {
    "ConvcliError": "core.errors",
    "Model": "model.graph",
    **dict.fromkeys(("Prepared", "apply", "convolve", "explain", "fit", "load", "prepare", "summarize"), "api"),
}


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that the command line starts at once."""
    if name == "__version__":
        from importlib.metadata import version

        return version("convcli")
    if name in _HOMES:
        return getattr(import_module(f"convcli.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
