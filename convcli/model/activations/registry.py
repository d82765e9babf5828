"""The register of activations and of their gradients."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from convcli.core.lazy_imports import Array

Function = Callable[..., Any]

ACTIVATIONS: dict[str, Function] = {}  # by every name; two names can stand for one function
GRADIENTS: dict[str, Function] = {}  # by the name of the function


def activation(function: Function) -> Function:
    """Register an activation under its own name."""
    ACTIVATIONS[function.__name__] = function
    return function


def gradient(of: Function) -> Callable[[Function], Function]:
    """Register the gradient of an activation y = f(x).

    The decorated function takes x, y and the gradient dy by y, and the parameters of f; it returns the gradient by x.
    """

    def register(function: Function) -> Function:
        GRADIENTS[of.__name__] = function
        return function

    return register


def derivative(of: Function) -> Callable[[Function], Function]:
    """Register the derivative dy/dx of an activation y = f(x) that acts on each number by itself.

    The decorated function takes x and y, and the parameters of f.
    """

    def register(function: Function) -> Function:
        def chain_rule(x: Array, y: Array, dy: Array, **parameters: Any) -> Array:
            return dy * function(x, y, **parameters)

        gradient(of)(chain_rule)
        return function

    return register


@cache
def works_along_axis(name: str) -> bool:
    """Return whether an activation mixes the cells along an axis."""
    return "axis" in _arguments(name)


@cache
def parameter_defaults(name: str) -> dict[str, float | bool | None]:
    """Return the parameters of an activation by name, with their defaults; an axis is not among them."""
    arguments, defaults = _arguments(name), ACTIVATIONS[name].__defaults__ or ()
    with_default = zip(arguments[len(arguments) - len(defaults) :], defaults, strict=True)
    return {argument: default for argument, default in with_default if argument != "axis"}


def _arguments(name: str) -> tuple[str, ...]:
    code = ACTIVATIONS[name].__code__  # as `inspect` says it, which takes long to import
    return code.co_varnames[: code.co_argcount]
