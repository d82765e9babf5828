"""Losses: numbers that say how far an output is from its target, with their gradients by the output.

Names and formulas are those of Keras 3 (`keras.losses`): a loss is the mean over samples and positions; those of
classes are a sum over the channels. To add a loss, write a function of output and target that returns the loss and its
gradient, and enter it in `LOSSES`.
"""

from __future__ import annotations

from collections.abc import Callable

from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record
from convcli.model.activations import ACTIVATIONS

EPSILON = 1e-7  # probabilities are clipped to [EPSILON, 1 - EPSILON]: keras.config.epsilon()
HUBER_DELTA = 1.0  # the error from which Huber's loss is linear: the default of keras.losses.Huber
LossAndGradient = tuple[float, Array]
LossFunction = Callable[[Array, Array], LossAndGradient]


class Loss(Record):
    """A loss: a function of output and target, both `(batch, *spatial, channels)`.

    For an output that ends in the activation `activation`, `from_logits` computes loss and gradient from the values
    before that activation. It is exact where a probability would have been rounded to 0 or 1. `sparse` means that
    targets are class indices `(batch, *spatial)`; the functions take these as one-hot vectors.
    """

    name: str
    function: LossFunction
    activation: str | None = None
    from_logits: LossFunction | None = None
    sparse: bool = False


def _mean(values: Array) -> float:
    return float(np.mean(values, dtype=np.float64))


def mse(y: Array, t: Array) -> LossAndGradient:
    """Return the mean squared error: the mean of (y - t)²."""
    error = y - t
    return _mean(error * error), error * y.dtype.type(2 / y.size)


def mae(y: Array, t: Array) -> LossAndGradient:
    """Return the mean absolute error: the mean of |y - t|."""
    error = y - t
    return _mean(np.abs(error)), np.sign(error) / y.dtype.type(y.size)


def huber(y: Array, t: Array) -> LossAndGradient:
    """Return the mean of e²/2 for errors |e| up to 1, and of |e| - 1/2 beyond.

    Huber, 1964, "Robust Estimation of a Location Parameter".
    """
    error = y - t
    clipped = np.clip(error, -HUBER_DELTA, HUBER_DELTA)
    return _mean(clipped * (error - 0.5 * clipped)), clipped / y.dtype.type(y.size)


def binary_crossentropy(y: Array, t: Array) -> LossAndGradient:
    """Return the mean of -(t·log y + (1 - t)·log(1 - y)) for probabilities y. A clipped probability has no gradient."""
    p = np.clip(y, EPSILON, 1 - EPSILON)
    loss = -_mean(t * np.log(p) + (1 - t) * np.log(1 - p))
    gradient = (p - t) / (p * (1 - p) * y.dtype.type(y.size))
    return loss, np.where(p == y, gradient, 0).astype(y.dtype)


def _binary_crossentropy_from_logits(z: Array, t: Array) -> LossAndGradient:
    """Return the binary crossentropy of y = sigmoid(z)."""
    loss = _mean(np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z))))
    return loss, (ACTIVATIONS["sigmoid"](z) - t) / z.dtype.type(z.size)


def categorical_crossentropy(y: Array, t: Array) -> LossAndGradient:
    """Return the mean over positions of -Σ t·log(y / Σ y), with both sums over the channels."""
    count = y.dtype.type(y.size // y.shape[-1])
    total = np.sum(y, axis=-1, keepdims=True)
    share = y / total
    p = np.clip(share, EPSILON, 1 - EPSILON)
    loss = -float(np.sum(t * np.log(p), dtype=np.float64)) / float(count)
    by_share = np.where(p == share, -t / p, 0) / count
    return loss, ((by_share - np.sum(by_share * share, axis=-1, keepdims=True)) / total).astype(y.dtype)


def sparse_categorical_crossentropy(y: Array, t: Array) -> LossAndGradient:
    """Return the mean over positions of -Σ t·log(p / Σ p), where p is y, clipped.

    As in Keras, values are clipped before they are divided by their sum; `categorical_crossentropy` clips after.
    """
    count = y.dtype.type(y.size // y.shape[-1])
    p = np.clip(y, EPSILON, 1 - EPSILON)
    total = np.sum(p, axis=-1, keepdims=True)
    loss = -float(np.sum(t * np.log(p / total), dtype=np.float64)) / float(count)
    return loss, (np.where(p == y, 1 / total - t / p, 0) / count).astype(y.dtype)


def _categorical_crossentropy_from_logits(z: Array, t: Array) -> LossAndGradient:
    """Return the categorical crossentropy of y = softmax(z)."""
    count = z.dtype.type(z.size // z.shape[-1])
    log_p = ACTIVATIONS["log_softmax"](z)
    loss = -float(np.sum(t * log_p, dtype=np.float64)) / float(count)
    return loss, (np.exp(log_p) * np.sum(t, axis=-1, keepdims=True) - t) / count


LOSSES = {
    loss.name: loss
    for loss in (
        Loss("mse", mse),
        Loss("mae", mae),
        Loss("huber", huber),
        Loss("binary_crossentropy", binary_crossentropy, "sigmoid", _binary_crossentropy_from_logits),
        Loss("categorical_crossentropy", categorical_crossentropy, "softmax", _categorical_crossentropy_from_logits),
        Loss(
            "sparse_categorical_crossentropy",
            sparse_categorical_crossentropy,
            "softmax",
            _categorical_crossentropy_from_logits,
            sparse=True,
        ),
    )
}
