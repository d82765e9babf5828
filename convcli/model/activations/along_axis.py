"""Activations that mix the cells along an axis, each followed by its gradient."""

from __future__ import annotations

from convcli.core.lazy_imports import Array, np
from convcli.model.activations.pointwise import sigmoid
from convcli.model.activations.registry import activation, gradient


@activation
def softmax(x: Array, axis: int = -1) -> Array:
    """Return e^x divided by its sum, without overflow."""
    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return powers / np.sum(powers, axis=axis, keepdims=True)


@gradient(softmax)
def _(x: Array, y: Array, dy: Array, axis: int = -1) -> Array:
    return y * (dy - np.sum(dy * y, axis=axis, keepdims=True))


@activation
def log_softmax(x: Array, axis: int = -1) -> Array:
    """Return log(softmax(x)), without overflow."""
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


@gradient(log_softmax)
def _(x: Array, y: Array, dy: Array, axis: int = -1) -> Array:
    return dy - np.exp(y) * np.sum(dy, axis=axis, keepdims=True)


@activation
def sparsemax(x: Array, axis: int = -1) -> Array:
    """Return the projection on the probability simplex. Martins and Astudillo, "From Softmax to Sparsemax", 2016."""
    x = x - np.max(x, axis=axis, keepdims=True)  # the result is the same, and sums stay near 1
    descending = -np.sort(-x, axis=axis)
    ranks = np.arange(1, x.shape[axis] + 1, dtype=x.dtype)
    ranks = ranks.reshape([-1 if index == axis % x.ndim else 1 for index in range(x.ndim)])
    sums = np.cumsum(descending, axis=axis) - 1
    support = np.sum(descending * ranks > sums, axis=axis, keepdims=True)  # how many values stay above 0
    threshold = np.take_along_axis(sums, support - 1, axis=axis) / support
    return np.maximum(x - threshold.astype(x.dtype), 0)


@gradient(sparsemax)
def _(x: Array, y: Array, dy: Array, axis: int = -1) -> Array:
    support = y > 0
    mean = np.sum(dy * support, axis=axis, keepdims=True) / np.sum(support, axis=axis, keepdims=True)
    return (dy - mean.astype(dy.dtype)) * support


@activation
def glu(x: Array, axis: int = -1) -> Array:
    """Return the first half along the axis times the sigmoid of the second. Dauphin et al., 2016."""
    values, gates = np.split(x, 2, axis=axis)
    return values * sigmoid(gates)


@gradient(glu)
def _(x: Array, y: Array, dy: Array, axis: int = -1) -> Array:
    values, gates = np.split(x, 2, axis=axis)
    share = sigmoid(gates)
    return np.concatenate([dy * share, dy * values * share * (1 - share)], axis=axis)
