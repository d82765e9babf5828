"""Activations of each number by itself, each followed by its derivative.

At a corner the derivative is the one that Keras has with TensorFlow. Corners matter: an input of zeros lies on them as
long as the bias is zero.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from convcli.core.lazy_imports import Array, np
from convcli.model.activations.registry import ACTIVATIONS, activation, derivative, gradient


@activation
def linear(x: Array) -> Array:
    """Return x."""
    return x


@gradient(linear)
def _(x: Array, y: Array, dy: Array) -> Array:
    return dy


@activation
def relu(x: Array, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Array:
    """Return x where x > threshold, else negative_slope·(x - threshold), at most max_value."""
    above = np.where(x <= threshold, 0, x) if threshold else np.maximum(x, 0)
    below = negative_slope * np.minimum(x - threshold, 0) if negative_slope else 0
    return (above if max_value is None else np.minimum(above, max_value)) + below


@derivative(relu)
def _(x: Array, y: Array, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Array:
    rising = x > threshold
    # Keras computes some settings as relu6 or leaky_relu, which differ at their corners.
    if max_value is not None:
        rising &= (x < max_value) if max_value == 6 and not threshold else (x <= max_value)
    below = x < threshold if threshold or max_value is not None else x <= 0
    return np.where(below, negative_slope, rising).astype(x.dtype) if negative_slope else rising


@activation
def relu6(x: Array) -> Array:
    """Return x cut off at 0 and 6."""
    return np.clip(x, 0, 6)


@derivative(relu6)
def _(x: Array, y: Array) -> Array:
    return (x > 0) & (x < 6)


@activation
def leaky_relu(x: Array, negative_slope: float = 0.2) -> Array:
    """Return x where x >= 0, else negative_slope·x."""
    return np.where(x >= 0, x, negative_slope * x)


@derivative(leaky_relu)
def _(x: Array, y: Array, negative_slope: float = 0.2) -> Array:
    return np.where(x > 0, 1, negative_slope).astype(x.dtype)


@activation
def elu(x: Array, alpha: float = 1.0) -> Array:
    """Return x where x >= 0, else alpha·(e^x - 1)."""
    return np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0)))


@derivative(elu)
def _(x: Array, y: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, 1, y + alpha)


@activation
def celu(x: Array, alpha: float = 1.0) -> Array:
    """Return max(x, 0) + alpha·(e^(min(x, 0) / alpha) - 1)."""
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0) / alpha)


@derivative(celu)
def _(x: Array, y: Array, alpha: float = 1.0) -> Array:
    return np.exp(np.minimum(x, 0) / alpha)


SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


@activation
def selu(x: Array) -> Array:
    """Return the scaled ELU. Klambauer et al., "Self-Normalizing Neural Networks", 2017."""
    return SELU_SCALE * elu(x, SELU_ALPHA)


@derivative(selu)
def _(x: Array, y: Array) -> Array:
    return np.where(x >= 0, SELU_SCALE, y + SELU_SCALE * SELU_ALPHA)


@activation
def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + e^-x), without overflow."""
    decay = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, decay) / (1 + decay)


@derivative(sigmoid)
def _(x: Array, y: Array) -> Array:
    return y * (1 - y)


@activation
def log_sigmoid(x: Array) -> Array:
    """Return log(sigmoid(x))."""
    return -softplus(-x)


@derivative(log_sigmoid)
def _(x: Array, y: Array) -> Array:
    return sigmoid(-x)


@activation
def hard_sigmoid(x: Array) -> Array:
    """Return relu6(x + 3) / 6."""
    return relu6(x + 3) / 6


@derivative(hard_sigmoid)
def _(x: Array, y: Array) -> Array:
    return (np.abs(x) < 3).astype(x.dtype) / 6


@activation
def silu(x: Array) -> Array:
    """Return x·sigmoid(x)."""
    return x * sigmoid(x)


@derivative(silu)
def _(x: Array, y: Array) -> Array:
    gate = sigmoid(x)
    return gate + y * (1 - gate)


@activation
def hard_silu(x: Array) -> Array:
    """Return x·hard_sigmoid(x)."""
    return x * hard_sigmoid(x)


@derivative(hard_silu)
def _(x: Array, y: Array) -> Array:
    return hard_sigmoid(x) + x * (np.abs(x) < 3) / 6


@activation
def mish(x: Array) -> Array:
    """Return x·tanh(softplus(x))."""
    return x * np.tanh(softplus(x))


@derivative(mish)
def _(x: Array, y: Array) -> Array:
    gate = np.tanh(softplus(x))
    return gate + x * (1 - gate * gate) * sigmoid(x)


@activation
def gelu(x: Array, approximate: bool = False) -> Array:
    """Return x·Φ(x), Φ the normal distribution; `approximate` uses tanh. Hendrycks and Gimpel, 2016."""
    if approximate:
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + _erf(x / math.sqrt(2)))


@derivative(gelu)
def _(x: Array, y: Array, approximate: bool = False) -> Array:
    if approximate:
        t = np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
        return 0.5 * (1 + t + x * (1 - t * t) * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x))
    return 0.5 * (1 + _erf(x / math.sqrt(2))) + x * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


@lru_cache(maxsize=1)
def _erf_series() -> Any:
    """Return erf on [0, 6] as a Chebyshev series, from `math.erf` at the Chebyshev points; the error is below 2e-14."""
    erf = np.vectorize(math.erf, otypes=[float])
    return np.polynomial.Chebyshev.interpolate(erf, 40, domain=[0, 6]).coef


def _erf(x: Array) -> Array:
    """Return the error function; beyond 6 it is 1 in float64."""
    t = np.minimum(np.abs(x), 6) / 3 - 1  # [0, 6] -> [-1, 1]
    series = np.polynomial.chebyshev.chebval(t, _erf_series().astype(x.dtype))
    return np.copysign(np.where(np.abs(x) >= 6, 1, np.clip(series, 0, 1)), x).astype(x.dtype)


@activation
def tanh(x: Array) -> Array:
    """Return the hyperbolic tangent."""
    return np.tanh(x)


@derivative(tanh)
def _(x: Array, y: Array) -> Array:
    return 1 - y * y


@activation
def hard_tanh(x: Array, min_value: float = -1.0, max_value: float = 1.0) -> Array:
    """Return x cut off at min_value and max_value."""
    return np.clip(x, min_value, max_value)


@derivative(hard_tanh)
def _(x: Array, y: Array, min_value: float = -1.0, max_value: float = 1.0) -> Array:
    return (x >= min_value) & (x <= max_value)


@activation
def tanh_shrink(x: Array) -> Array:
    """Return x - tanh(x)."""
    return x - np.tanh(x)


@derivative(tanh_shrink)
def _(x: Array, y: Array) -> Array:
    return np.tanh(x) ** 2


@activation
def soft_shrink(x: Array, threshold: float = 0.5) -> Array:
    """Return x moved towards 0 by the threshold, 0 within it."""
    return x - np.clip(x, -threshold, threshold)


@derivative(soft_shrink)
def _(x: Array, y: Array, threshold: float = 0.5) -> Array:
    return np.abs(x) > threshold


@activation
def hard_shrink(x: Array, threshold: float = 0.5) -> Array:
    """Return x beyond the threshold, 0 within it."""
    return np.where(np.abs(x) <= threshold, 0, x)


@derivative(hard_shrink)
def _(x: Array, y: Array, threshold: float = 0.5) -> Array:
    return np.abs(x) > threshold


@activation
def softplus(x: Array, beta: float = 1.0, threshold: float | None = None) -> Array:
    """Return log(1 + e^(beta·x)) / beta, without overflow; x itself where beta·x is above the threshold."""
    scaled = x if beta == 1 else x * beta
    smooth = np.maximum(scaled, 0) + np.log1p(np.exp(-np.abs(scaled)))
    smooth = smooth if beta == 1 else smooth / beta
    return smooth if threshold is None else np.where(scaled > threshold, x, smooth)


@derivative(softplus)
def _(x: Array, y: Array, beta: float = 1.0, threshold: float | None = None) -> Array:
    slope = sigmoid(x * beta)
    return slope if threshold is None else np.where(x * beta > threshold, 1, slope).astype(x.dtype)


@activation
def softsign(x: Array) -> Array:
    """Return x / (1 + |x|)."""
    return x / (1 + np.abs(x))


@derivative(softsign)
def _(x: Array, y: Array) -> Array:
    return 1 / (1 + np.abs(x)) ** 2


@activation
def squareplus(x: Array, b: float = 4.0) -> Array:
    """Return (x + sqrt(x² + b)) / 2."""
    return (x + np.sqrt(x * x + b)) / 2


@derivative(squareplus)
def _(x: Array, y: Array, b: float = 4.0) -> Array:
    return (1 + x / np.sqrt(x * x + b)) / 2


@activation
def sparse_plus(x: Array) -> Array:
    """Return 0 up to -1, (x + 1)² / 4 up to 1, then x."""
    return np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x))


@derivative(sparse_plus)
def _(x: Array, y: Array) -> Array:
    return np.clip((x + 1) / 2, 0, 1)


@activation
def sparse_sigmoid(x: Array) -> Array:
    """Return (x + 1) / 2 cut off at 0 and 1."""
    return np.clip((x + 1) / 2, 0, 1)


@derivative(sparse_sigmoid)
def _(x: Array, y: Array) -> Array:
    return (np.abs(x) < 1).astype(x.dtype) / 2


@activation
def threshold(x: Array, threshold: float = 0.0, default_value: float = 0.0) -> Array:
    """Return x where x > threshold, else default_value."""
    return np.where(x <= threshold, x.dtype.type(default_value), x)


@derivative(threshold)
def _(x: Array, y: Array, threshold: float = 0.0, default_value: float = 0.0) -> Array:
    return x > threshold


@activation
def power(x: Array, exponent: float = 1.0) -> Array:
    """Return x to the power of the exponent."""
    return x**exponent


@derivative(power)
def _(x: Array, y: Array, exponent: float = 1.0) -> Array:
    return exponent * x ** (exponent - 1)


@activation
def exponential(x: Array) -> Array:
    """Return e^x."""
    return np.exp(x)


@derivative(exponential)
def _(x: Array, y: Array) -> Array:
    return y


ACTIVATIONS["swish"] = silu
ACTIVATIONS["hard_swish"] = hard_silu
