"""The register of activations: what each makes of an array, and how it takes a gradient back."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from convcli.core.lazy_imports import Array

Function = Callable[..., Any]

ACTIVATIONS: dict[str, Function] = {}
PULLBACKS: dict[str, Function] = {}


def activation(function: Function) -> Function:
    """Register a function under its own name."""
    ACTIVATIONS[function.__name__] = function
    return function


def pullback(of: Function) -> Callable[[Function], Function]:
    """Register how an activation takes a gradient back: a function of x, y = f(x) and dy with the same parameters."""

    def register(function: Function) -> Function:
        PULLBACKS[of.__name__] = function
        return function

    return register


def slope(of: Function) -> Callable[[Function], Function]:
    """The same for an activation of each number by itself: a function of x and y = f(x) that returns dy/dx."""

    def register(function: Function) -> Function:
        def back(x: Array, y: Array, dy: Array, **parameters: Any) -> Array:
            return dy * function(x, y, **parameters)

        pullback(of)(back)
        return function

    return register


@cache
def works_along_axis(name: str) -> bool:
    """Whether the activation mixes the cells along one axis."""
    code = ACTIVATIONS[name].__code__  # `inspect` would say the same, and take long to import
    return "axis" in code.co_varnames[: code.co_argcount]
