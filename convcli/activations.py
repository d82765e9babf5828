"""Every activation of Keras 3 that can be asked for by name alone (`threshold`, which needs arguments, cannot).

A function takes an array of any shape and returns one; those that work along an axis take `axis`. To add one, write it
and decorate it: layers, the command line and the messages read `ACTIVATIONS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from convcli._lazy import Array, np

ACTIVATIONS: dict[str, Callable[..., Any]] = {}


def activation(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register a function under its own name."""
    ACTIVATIONS[function.__name__] = function
    return function


@cache
def works_along_axis(name: str) -> bool:
    """Whether the activation mixes the cells along one axis."""
    code = ACTIVATIONS[name].__code__  # `inspect` would say the same, and take long to import
    return "axis" in code.co_varnames[: code.co_argcount]


@activation
def linear(x: Array) -> Array:
    return x


@activation
def relu(x: Array, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Array:
    """x where x > threshold, else negative_slope·(x - threshold); never above max_value."""
    kept = np.where(x <= threshold, 0, x) if threshold else np.maximum(x, 0)
    below = negative_slope * np.minimum(x - threshold, 0) if negative_slope else 0
    return (kept if max_value is None else np.minimum(kept, max_value)) + below


@activation
def relu6(x: Array) -> Array:
    return np.clip(x, 0, 6)


@activation
def leaky_relu(x: Array, negative_slope: float = 0.2) -> Array:
    return np.where(x >= 0, x, negative_slope * x)


@activation
def elu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0)))


@activation
def celu(x: Array, alpha: float = 1.0) -> Array:
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0) / alpha)


@activation
def selu(x: Array) -> Array:
    """Klambauer et al., "Self-Normalizing Neural Networks", 2017."""
    return 1.0507009873554804934193349852946 * elu(x, 1.6732632423543772848170429916717)


@activation
def sigmoid(x: Array) -> Array:
    decay = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, decay) / (1 + decay)


@activation
def log_sigmoid(x: Array) -> Array:
    return -softplus(-x)


@activation
def hard_sigmoid(x: Array) -> Array:
    return relu6(x + 3) / 6


@activation
def silu(x: Array) -> Array:
    return x * sigmoid(x)


@activation
def hard_silu(x: Array) -> Array:
    return x * hard_sigmoid(x)


@activation
def mish(x: Array) -> Array:
    return x * np.tanh(softplus(x))


@activation
def gelu(x: Array, approximate: bool = False) -> Array:
    """x·Φ(x), Φ the normal distribution; `approximate` uses tanh. Hendrycks and Gimpel, 2016."""
    if approximate:
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + _erf(x / math.sqrt(2)))


@lru_cache(maxsize=1)
def _erf_series() -> Any:
    """erf on [0, 6] as a Chebyshev series, from `math.erf` at the Chebyshev points, to 2e-14; beyond 6 it is 1."""
    erf = np.vectorize(math.erf, otypes=[float])
    return np.polynomial.Chebyshev.interpolate(erf, 40, domain=[0, 6]).coef


def _erf(x: Array) -> Array:
    place = np.minimum(np.abs(x), 6) / 3 - 1  # [0, 6] -> [-1, 1]
    series = np.polynomial.chebyshev.chebval(place, _erf_series().astype(x.dtype))
    return np.copysign(np.where(np.abs(x) >= 6, 1, np.clip(series, 0, 1)), x).astype(x.dtype)


@activation
def tanh(x: Array) -> Array:
    return np.tanh(x)


@activation
def hard_tanh(x: Array) -> Array:
    return np.clip(x, -1, 1)


@activation
def tanh_shrink(x: Array) -> Array:
    return x - np.tanh(x)


@activation
def soft_shrink(x: Array, threshold: float = 0.5) -> Array:
    return x - np.clip(x, -threshold, threshold)


@activation
def hard_shrink(x: Array, threshold: float = 0.5) -> Array:
    return np.where(np.abs(x) <= threshold, 0, x)


@activation
def softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


@activation
def softsign(x: Array) -> Array:
    return x / (1 + np.abs(x))


@activation
def squareplus(x: Array, b: float = 4.0) -> Array:
    return (x + np.sqrt(x * x + b)) / 2


@activation
def sparse_plus(x: Array) -> Array:
    return np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x))


@activation
def sparse_sigmoid(x: Array) -> Array:
    return np.clip((x + 1) / 2, 0, 1)


@activation
def exponential(x: Array) -> Array:
    return np.exp(x)


@activation
def softmax(x: Array, axis: int = -1) -> Array:
    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return powers / np.sum(powers, axis=axis, keepdims=True)


@activation
def log_softmax(x: Array, axis: int = -1) -> Array:
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


@activation
def sparsemax(x: Array, axis: int = -1) -> Array:
    """The projection on the probability simplex. Martins and Astudillo, "From Softmax to Sparsemax", 2016."""
    falling = -np.sort(-x, axis=axis)
    ranks = np.arange(1, x.shape[axis] + 1, dtype=x.dtype)
    ranks = ranks.reshape([-1 if place == axis % x.ndim else 1 for place in range(x.ndim)])
    sums = np.cumsum(falling, axis=axis) - 1
    support = np.sum(falling * ranks > sums, axis=axis, keepdims=True)
    cut = np.take_along_axis(sums, support - 1, axis=axis) / support
    return np.maximum(x - cut.astype(x.dtype), 0)


@activation
def glu(x: Array, axis: int = -1) -> Array:
    """The first half along the axis, gated by the sigmoid of the second."""
    values, gates = np.split(x, 2, axis=axis)
    return values * sigmoid(gates)


def highest(name: str, **parameters: Any) -> float | None:
    """The highest value of an activation that cuts its input off below 0 and there; None of any other."""
    if name not in ("relu", "relu6") or parameters.get("negative_slope") or parameters.get("threshold"):
        return None
    most = 6.0 if name == "relu6" else parameters.get("max_value")
    return math.inf if most is None else float(most)


def in_place(name: str, x: Array, **parameters: Any) -> None:
    """An activation of each number by itself, written over its input."""
    most = highest(name, **parameters)
    if most is not None:
        if most < math.inf:
            np.clip(x, 0, most, out=x)
        else:
            np.maximum(x, 0, out=x)
    elif name != "linear":
        x[...] = ACTIVATIONS[name](x, **parameters)


ACTIVATIONS["swish"] = silu
ACTIVATIONS["hard_swish"] = hard_silu
