"""Losses: how far an output is from its target, and the gradient of that by the output.

Names and meanings are Keras's: every loss is the mean over samples and places, and those of classes are a sum over the
channels. To add one, write a function of output and target that returns both, and enter it in `LOSSES`.
"""

from __future__ import annotations

from collections.abc import Callable

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record
from convcli.core.shapes import DataFormat, Shape, format_shape
from convcli.model.activations import ACTIVATIONS

EPSILON = 1e-7  # how near to 0 and 1 a probability counts: keras.config.epsilon()
MISSED = 1.0  # the error from which Huber's loss is a straight line
Value = tuple[float, Array]
Function = Callable[[Array, Array], Value]


class Loss(Record):
    """A loss. `ends` is the activation with which it is taken together, from `logits`, for an output that ends in it:
    exact where a probability alone would have been rounded to 0 or 1.

    `classes` says that exactly one channel of a target is right.
    """

    name: str
    function: Function
    ends: str | None = None
    logits: Function | None = None
    classes: bool = False


def _mean(values: Array) -> float:
    return float(np.mean(values, dtype=np.float64))


def mse(y: Array, t: Array) -> Value:
    """The mean of (y - t)²."""
    error = y - t
    return _mean(error * error), error * y.dtype.type(2 / y.size)


def mae(y: Array, t: Array) -> Value:
    """The mean of |y - t|."""
    error = y - t
    return _mean(np.abs(error)), np.sign(error) / y.dtype.type(y.size)


def huber(y: Array, t: Array) -> Value:
    """The mean of e²/2 for errors |e| of up to 1, of |e| - 1/2 beyond. Huber, 1964."""
    error = y - t
    cut = np.clip(error, -MISSED, MISSED)
    return _mean(cut * (error - 0.5 * cut)), cut / y.dtype.type(y.size)


def binary_crossentropy(y: Array, t: Array) -> Value:
    """The mean of -(t·log y + (1 - t)·log(1 - y))."""
    p = np.clip(y, EPSILON, 1 - EPSILON)
    loss = -_mean(t * np.log(p) + (1 - t) * np.log(1 - p))
    slope = (p - t) / (p * (1 - p) * y.dtype.type(y.size))
    return loss, np.where(p == y, slope, 0).astype(y.dtype)


def _binary_logits(z: Array, t: Array) -> Value:
    """The same of y = sigmoid(z)."""
    loss = _mean(np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z))))
    return loss, (ACTIVATIONS["sigmoid"](z) - t) / z.dtype.type(z.size)


def categorical_crossentropy(y: Array, t: Array) -> Value:
    """The mean over places of -Σ t·log(y / Σ y), summed over the channels."""
    count = y.dtype.type(y.size // y.shape[-1])
    whole = np.sum(y, axis=-1, keepdims=True)
    share = y / whole
    p = np.clip(share, EPSILON, 1 - EPSILON)
    loss = -float(np.sum(t * np.log(p), dtype=np.float64)) / float(count)
    slope = np.where(p == share, -t / p, 0) / count
    return loss, ((slope - np.sum(slope * share, axis=-1, keepdims=True)) / whole).astype(y.dtype)


def sparse_categorical_crossentropy(y: Array, t: Array) -> Value:
    """The mean over places of -Σ t·log(p / Σ p), p being y kept from 0 and 1: another order than for shares."""
    count = y.dtype.type(y.size // y.shape[-1])
    p = np.clip(y, EPSILON, 1 - EPSILON)
    whole = np.sum(p, axis=-1, keepdims=True)
    loss = -float(np.sum(t * np.log(p / whole), dtype=np.float64)) / float(count)
    return loss, (np.where(p == y, 1 / whole - t / p, 0) / count).astype(y.dtype)


def _categorical_logits(z: Array, t: Array) -> Value:
    """The same of y = softmax(z)."""
    count = z.dtype.type(z.size // z.shape[-1])
    logs = ACTIVATIONS["log_softmax"](z)
    loss = -float(np.sum(t * logs, dtype=np.float64)) / float(count)
    return loss, (np.exp(logs) * np.sum(t, axis=-1, keepdims=True) - t) / count


LOSSES = {
    each.name: each
    for each in (
        Loss("mse", mse),
        Loss("mae", mae),
        Loss("huber", huber),
        Loss("binary_crossentropy", binary_crossentropy, "sigmoid", _binary_logits),
        Loss("categorical_crossentropy", categorical_crossentropy, "softmax", _categorical_logits),
        Loss(
            "sparse_categorical_crossentropy",
            sparse_categorical_crossentropy,
            "softmax",
            _categorical_logits,
            classes=True,
        ),
    )
}


def default_loss(shape: Shape, ending: str | None, target: Array) -> str:
    """The loss for a sample's output of this shape, by the activation it ends in and the whole target.

    Classes, which are whole numbers and have no channels or one, want `sparse_categorical_crossentropy`, softmax
    `categorical_crossentropy`, sigmoid `binary_crossentropy`, all else `mse`.
    """
    placed = target.shape[1:] in (shape[:-1], (*shape[:-1], 1))
    if shape[-1] != 1 and placed and np.array_equal(np.rint(target), target):
        return "sparse_categorical_crossentropy"
    return {"softmax": "categorical_crossentropy", "sigmoid": "binary_crossentropy"}.get(str(ending), "mse")


def prepare_target(
    loss: Loss, target: Array, shape: tuple[int, ...], samples: int, data_format: DataFormat, dtype: str
) -> Array:
    """A whole target, channels last, as the loss takes it, for outputs of this shape and type. Raises `ConvcliError`.

    Classes stay whole numbers, `(batch, *spatial)`; where there is one channel, its axis may be left out.
    """
    wanted = (samples, *shape)
    if not loss.classes and target.shape == wanted[:-1] and wanted[-1] == 1:
        target = target[..., None]
    if loss.classes and target.shape == (*wanted[:-1], 1):
        target = target[..., 0]
    expected = wanted[:-1] if loss.classes else wanted
    if target.shape != expected:
        # What the user sees is in their data format.
        got, right = ((*each[:1], *data_format.from_channels_last(each[1:])) for each in (target.shape, expected))
        what = f"classes {format_shape(right)}" if loss.classes else format_shape(right)
        raise ConvcliError(f"shape {format_shape(got)}", f"{what} for {loss.name} here")
    if not np.isfinite(target).all():
        raise ConvcliError("holds NaN or infinity", "finite numbers")
    if loss.classes:
        return _classes(target, shape[-1])
    if loss.ends is not None and not ((target >= 0) & (target <= 1)).all():
        raise ConvcliError(f"holds {float(target.min()):g} to {float(target.max()):g}", f"0 to 1 for {loss.name}")
    with np.errstate(over="ignore"):
        made = np.ascontiguousarray(target, dtype)
    if not np.isfinite(made).all():
        raise ConvcliError(f"holds {float(np.abs(target).max()):g}, too large for {dtype}", "--dtype float64")
    return made


def _classes(target: Array, count: int) -> Array:
    whole = np.rint(target)
    if not np.array_equal(whole, target) or whole.min() < 0 or whole.max() >= count:
        odd = target[(whole != target) | (whole < 0) | (whole >= count)][0]
        raise ConvcliError(f"holds {odd:g}", f"classes: whole numbers from 0 to {count - 1}")
    return whole.astype(np.intp)


def one_hot(classes: Array, count: int, dtype: np.dtype[np.floating]) -> Array:
    """Classes `(…)` -> `(…, count)`: 1 in the channel of each class, 0 elsewhere."""
    found = np.zeros((classes.size, count), dtype)
    found[np.arange(classes.size), classes.ravel()] = 1
    return found.reshape(*classes.shape, count)


def correct_predictions(loss: Loss, y: Array, target: Array, finished: bool) -> tuple[int, int] | None:
    """How many places of an output are right, of how many; None where that makes no sense.

    Of one channel or independent ones, right is the same side of 1/2; of several, the same largest channel.
    """
    if loss.ends is None:
        return None
    if loss.ends == "sigmoid":
        middle = 0.5 if finished else 0.0
        return int(np.count_nonzero((y > middle) == (target > 0.5))), y.size
    right = target if loss.classes else np.argmax(target, axis=-1)
    return int(np.count_nonzero(np.argmax(y, axis=-1) == right)), right.size
