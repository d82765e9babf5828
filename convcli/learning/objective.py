"""The objective of training: the losses of all outputs with their gradients, and which predictions are right."""

from __future__ import annotations

from collections.abc import Mapping

from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record
from convcli.learning.losses import Loss
from convcli.learning.targets import last_activation
from convcli.model.plan import Plan

Correct = tuple[int, int]  # how many predictions are right, of how many


class Evaluation(Record):
    """The objective for one batch: the loss, its gradient by each output, and the correct predictions of each.

    `correct` lacks the outputs whose loss is not one of classes or probabilities.
    """

    loss: float
    gradients: dict[str, Array]
    correct: dict[str, Correct]


class Objective(Record):
    """The loss of each output. For an output in `logits` it is computed from the values before its last activation."""

    losses: Mapping[str, Loss]
    logits: frozenset[str]

    def evaluate(self, outputs: Mapping[str, Array], targets: Mapping[str, Array]) -> Evaluation:
        """Return the objective for the outputs and targets of a batch, both by output."""
        total = 0.0
        gradients: dict[str, Array] = {}
        correct: dict[str, Correct] = {}
        for name, loss in self.losses.items():
            y, target = outputs[name], targets[name]
            from_logits = name in self.logits
            function = loss.from_logits if from_logits and loss.from_logits else loss.function
            value, gradients[name] = function(y, one_hot(target, y.shape[-1], y.dtype) if loss.sparse else target)
            total += value
            count = correct_predictions(loss, y, target, from_logits)
            if count is not None:
                correct[name] = count
        return Evaluation(total, gradients, correct)


def choose_objective(plan: Plan, losses: Mapping[str, Loss]) -> Objective:
    """Return the objective of a plan: with logits for each output that ends in its loss's own activation.

    Where another layer reads the output, that layer needs the activation, so the loss is computed from its result.
    """
    read = {name for layer in plan.layers for name in layer.input_names}
    ends = {layer.name: last_activation(layer) for layer in plan.layers if layer.name not in read}
    logits = (
        name for name, loss in losses.items() if loss.activation is not None and ends.get(name) == loss.activation
    )
    return Objective(losses, frozenset(logits))


def one_hot(classes: Array, count: int, dtype: np.dtype[np.floating]) -> Array:
    """Return class indices `(…)` as vectors `(…, count)`: 1 in the channel of the class, 0 elsewhere."""
    vectors = np.zeros((classes.size, count), dtype)
    vectors[np.arange(classes.size), classes.ravel()] = 1
    return vectors.reshape(*classes.shape, count)


def correct_predictions(loss: Loss, y: Array, target: Array, from_logits: bool) -> Correct | None:
    """Return how many predictions are right, of how many; None for a loss that is not of classes or probabilities.

    An independent probability predicts the side of 1/2 that it is on (a logit: the side of 0). Several channels
    predict the class of the largest.
    """
    if loss.activation is None:
        return None
    if loss.activation == "sigmoid":
        threshold = 0.0 if from_logits else 0.5
        return int(np.count_nonzero((y > threshold) == (target > 0.5))), y.size
    classes = target if loss.sparse else np.argmax(target, axis=-1)
    return int(np.count_nonzero(np.argmax(y, axis=-1) == classes)), classes.size
