"""Mini-batch gradient descent: epochs, batches, validation, and how a run stops and resumes.

All randomness follows from the seed, the epoch and the batch. So a run that stopped after any batch resumes to the same
weights as a run that did not stop.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Literal

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.progress import ProgressCallback
from convcli.core.records import Record
from convcli.learning.early_stopping import EarlyStopping
from convcli.learning.metrics import EpochMetrics
from convcli.learning.network import Network
from convcli.learning.objective import Objective
from convcli.learning.optimizers import Optimizer
from convcli.learning.samples import Samples, training_count

DEFAULT_UPDATES, MIN_EPOCHS = 5000, 10  # where the user asks for no number of epochs

StopReason = Literal["done", "patience", "interrupted", "diverged"]


class Schedule(Record):
    """The course of a training: how many epochs, in which batches, and from which seed.

    `validation_split` is the share of samples, the last ones, that only validation sees. `patience` is that of early
    stopping, by the loss of the validation if there is one.
    """

    epochs: int
    batch_size: int
    seed: int
    validation_split: float = 0.0
    patience: int | None = None


def default_epochs(samples: int, batch_size: int) -> int:
    """Return as many epochs as make 5,000 updates, at least 10."""
    batches = -(-samples // batch_size)
    return max(MIN_EPOCHS, -(-DEFAULT_UPDATES // batches))


class GradientDescent:
    """A run of training, and how far it has come.

    `epoch` counts the epochs that are complete, `batch` the batches of the one after, with `metrics` so far. `history`
    holds the metrics of each complete epoch by name.
    """

    def __init__(
        self, network: Network, optimizer: Optimizer, objective: Objective, samples: Samples, schedule: Schedule
    ) -> None:
        self.network, self.optimizer, self.objective = network, optimizer, objective
        self.samples, self.schedule = samples, schedule
        self.training_count = training_count(samples.count, schedule.validation_split)
        self.epoch = self.batch = 0
        self.metrics = EpochMetrics()
        self.history: dict[str, list[float]] = {}
        self.early_stopping = EarlyStopping(schedule.patience, self._weights)
        self._last_good = self._weights.copy()  # the weights of the last batch whose loss was finite

    @property
    def _weights(self) -> Array:
        return self.network.weights.values

    @property
    def batches(self) -> int:
        """The number of batches in an epoch."""
        return -(-self.training_count // self.schedule.batch_size)

    @property
    def position(self) -> str:
        """The epoch and batch at work, counted from 1."""
        return f"epoch {self.epoch + 1}, batch {self.batch + 1}"

    def run(
        self,
        on_progress: ProgressCallback | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        after_epoch: Callable[[], object] = lambda: None,
    ) -> StopReason:
        """Train until the last epoch, early stopping, `should_stop`, or a loss that is not finite; return which.

        `should_stop` is called before each batch. After a loss that is not finite, the weights are those from before.
        """
        while self.epoch < self.schedule.epochs:
            if self.early_stopping.is_out_of_patience(self.epoch):
                return "patience"
            stop_reason = self._train_epoch(on_progress, should_stop)
            if stop_reason is not None:
                return stop_reason
            validation = self.validate(should_stop)
            if validation is None:
                return "interrupted"
            self._end_epoch(validation)
            after_epoch()
        return "done"

    def _train_epoch(
        self, on_progress: ProgressCallback | None, should_stop: Callable[[], bool]
    ) -> Literal["interrupted", "diverged"] | None:
        """Train on the batches of this epoch that are left; return why that stopped early, if it did."""
        size = self.schedule.batch_size
        order = np.random.default_rng([self.schedule.seed, self.epoch]).permutation(self.training_count)
        while self.batch < self.batches:
            if should_stop():
                return "interrupted"
            if not self._update(order[self.batch * size : (self.batch + 1) * size]):
                return "diverged"
            self.batch += 1
            if on_progress is not None:
                on_progress(self._progress(), (self.epoch + self.batch / self.batches) / self.schedule.epochs)
        return None

    def _update(self, indices: Array) -> bool:
        """Update the weights by one batch, and tell whether its loss and the weights are finite.

        If they are not, the weights are those of the last batch whose loss was finite.
        """
        before = self._weights.copy()
        batch = self.samples.select(indices)
        done = self.network.forward(batch.inputs, True, (self.schedule.seed, self.epoch, self.batch))
        evaluation = self.objective.evaluate(done.outputs, batch.targets)
        loss = evaluation.loss + done.penalty
        if not isfinite(loss):
            self._weights[...] = self._last_good
            return False
        self._last_good = before
        self.network.backward(done, evaluation.gradients)
        self.optimizer.update(self.network.weights.trained, self.network.weights.gradient)
        if not np.isfinite(self._weights).all():
            self._weights[...] = self._last_good
            return False
        self.metrics.add(len(indices), loss, evaluation.correct)
        return True

    def validate(self, should_stop: Callable[[], bool] = lambda: False) -> dict[str, float] | None:
        """Return the metrics of the validation samples by name, empty if there are none; None if `should_stop`."""
        metrics = EpochMetrics()
        for start in range(self.training_count, self.samples.count, self.schedule.batch_size):
            if should_stop():
                return None
            batch = self.samples.select(slice(start, start + self.schedule.batch_size))
            done = self.network.forward(batch.inputs)
            evaluation = self.objective.evaluate(done.outputs, batch.targets)
            metrics.add(batch.count, evaluation.loss + done.penalty, evaluation.correct)
        return metrics.by_name("val_") if metrics.samples else {}

    def _end_epoch(self, validation: dict[str, float]) -> None:
        metrics = {**self.metrics.by_name(), **validation}
        for name, value in metrics.items():
            self.history.setdefault(name, []).append(value)
        self.epoch, self.batch, self.metrics = self.epoch + 1, 0, EpochMetrics()
        self.early_stopping.record(self.epoch, metrics.get("val_loss", metrics["loss"]), self._weights)

    def _progress(self) -> str:
        text = f"epoch {self.epoch + 1}/{self.schedule.epochs}  loss {self.metrics.loss:.4g}"
        validation_losses = self.history.get("val_loss")
        return f"{text}  val_loss {validation_losses[-1]:.4g}" if validation_losses else text
