"""Activations that mix the cells along an axis, each with how it takes a gradient back."""

from __future__ import annotations

from convcli.core.lazy_imports import Array, np
from convcli.model.activations.pointwise import sigmoid
from convcli.model.activations.registry import activation, pullback


@activation
def softmax(x: Array, axis: int = -1) -> Array:
    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return powers / np.sum(powers, axis=axis, keepdims=True)


@pullback(softmax)
def _(x: Array, y: Array, dy: Array, axis: int = -1) -> Array:
    return y * (dy - np.sum(dy * y, axis=axis, keepdims=True))


@activation
def log_softmax(x: Array, axis: int = -1) -> Array:
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


@pullback(log_softmax)
def _(x: Array, y: Array, dy: Array, axis: int = -1) -> Array:
    return dy - np.exp(y) * np.sum(dy, axis=axis, keepdims=True)


@activation
def sparsemax(x: Array, axis: int = -1) -> Array:
    """The projection on the probability simplex. Martins and Astudillo, "From Softmax to Sparsemax", 2016."""
    x = x - np.max(x, axis=axis, keepdims=True)  # which changes nothing, but keeps sums near 1
    falling = -np.sort(-x, axis=axis)
    ranks = np.arange(1, x.shape[axis] + 1, dtype=x.dtype)
    ranks = ranks.reshape([-1 if place == axis % x.ndim else 1 for place in range(x.ndim)])
    sums = np.cumsum(falling, axis=axis) - 1
    support = np.sum(falling * ranks > sums, axis=axis, keepdims=True)
    cut = np.take_along_axis(sums, support - 1, axis=axis) / support
    return np.maximum(x - cut.astype(x.dtype), 0)


@pullback(sparsemax)
def _(x: Array, y: Array, dy: Array, axis: int = -1) -> Array:
    support = y > 0
    mean = np.sum(dy * support, axis=axis, keepdims=True) / np.sum(support, axis=axis, keepdims=True)
    return (dy - mean.astype(dy.dtype)) * support


@activation
def glu(x: Array, axis: int = -1) -> Array:
    """The first half along the axis, gated by the sigmoid of the second."""
    values, gates = np.split(x, 2, axis=axis)
    return values * sigmoid(gates)


@pullback(glu)
def _(x: Array, y: Array, dy: Array, axis: int = -1) -> Array:
    values, gates = np.split(x, 2, axis=axis)
    opened = sigmoid(gates)
    return np.concatenate([dy * opened, dy * values * opened * (1 - opened)], axis=axis)
