"""Packages that convcli uses but does not require."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from convcli.core.errors import ConvcliError


def import_extra(module: str, extra: str, package: str | None = None) -> Any:
    """Return a module of an optional package.

    Raises `ConvcliError` if it is not installed; the remedy names the extra of convcli that installs it.
    """
    try:
        return import_module(module)
    except ImportError:
        raise ConvcliError(f"needs {package or module}", f"pip install 'convcli[{extra}]'") from None
