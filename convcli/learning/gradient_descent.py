"""Mini-batch gradient descent: epochs, batches, validation, and how a run stops and goes on.

All chance follows from the seed, the epoch and the batch, so that a run which was stopped after any batch goes on to
the same weights as one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf, isfinite
from typing import Literal

import numpy as np

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array
from convcli.core.records import Record
from convcli.learning import losses
from convcli.learning.losses import Loss
from convcli.learning.network import Network
from convcli.learning.optimizers import Optimizer

UPDATES, FEWEST_EPOCHS = 5000, 10  # what is enough where nothing else is asked for

Watch = Callable[[str, float], object]  # told how it goes, and the share of all work that is done
StopReason = Literal["done", "patience", "interrupted", "diverged"]


class Schedule(Record):
    """How long, in what portions, and from what chance: the options of a run besides its loss and optimizer.

    `validation_split` is the share of samples, the last ones, that only the validation sees. With `patience` training
    ends after so many epochs without a better loss (that of the validation, if there is one), and the weights of the
    best epoch count.
    """

    epochs: int
    batch_size: int
    seed: int
    validation_split: float = 0.0
    patience: int | None = None


def enough_epochs(samples: int, batch_size: int) -> int:
    """As many epochs as make enough updates, and never just a few."""
    return max(FEWEST_EPOCHS, -(-UPDATES // -(-samples // batch_size)))


def split(samples: int, validation_split: float) -> int:
    """How many samples, the first ones, are learned from. Raises `ConvcliError` where either part would be empty."""
    learned = int(samples * (1 - validation_split)) if validation_split else samples
    if not 0 < learned <= samples or (validation_split and learned == samples):
        parts = f"{learned} to learn from and {samples - learned} for validation"
        raise ConvcliError(f"validation_split {validation_split:g} of {samples} samples: {parts}", "some of each")
    return learned


class EpochMetrics:
    """The sums behind the figures of an epoch: the loss of all samples, and per output how many places are right."""

    def __init__(self) -> None:
        self.samples, self.loss = 0, 0.0
        self.right: dict[str, tuple[int, int]] = {}

    def add(self, samples: int, loss: float, right: Mapping[str, tuple[int, int] | None]) -> None:
        """Count a batch."""
        self.samples += samples
        self.loss += loss * samples
        for name, each in right.items():
            if each is not None:
                before = self.right.get(name, (0, 0))
                self.right[name] = before[0] + each[0], before[1] + each[1]

    def figures(self, prefix: str = "") -> dict[str, float]:
        """The mean loss, and the accuracy of each output that has one."""
        several = len(self.right) > 1
        found = {f"{prefix}loss": self.loss / self.samples}
        for name, (right, count) in self.right.items():
            found[f"{prefix}{name}_accuracy" if several else f"{prefix}accuracy"] = right / count
        return found


class GradientDescent:
    """A run, which `run` takes as far as it goes. `history` holds the figures of each whole epoch by name."""

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        wanted: Mapping[str, Loss],
        unfinished: frozenset[str],
        inputs: Mapping[str, Array],
        targets: Mapping[str, Array],
        course: Schedule,
    ) -> None:
        self.network, self.optimizer, self.losses, self.unfinished = network, optimizer, wanted, unfinished
        self.inputs, self.targets, self.course = inputs, targets, course
        samples = len(next(iter(inputs.values())))
        self.learned = split(samples, course.validation_split)
        self.samples = samples
        self.epoch = self.batch = 0
        self.sums = EpochMetrics()
        self.history: dict[str, list[float]] = {}
        self.best_loss, self.best_epoch = inf, 0
        self.best = network.flat.copy() if course.patience else None
        self._good = network.flat.copy()  # the weights of the last batch whose loss was a number

    @property
    def batches(self) -> int:
        """How many there are in an epoch."""
        return -(-self.learned // self.course.batch_size)

    def run(
        self,
        watch: Watch | None = None,
        stop: Callable[[], bool] = lambda: False,
        after_epoch: Callable[[], object] = lambda: None,
    ) -> StopReason:
        """Train until the epochs or the patience are used up, `stop` says so, or a loss is not a number.

        In the last case the weights are those from before.
        """
        while self.epoch < self.course.epochs:
            if self._out_of_patience():
                return "patience"
            order = np.random.default_rng([self.course.seed, self.epoch]).permutation(self.learned)
            while self.batch < self.batches:
                if stop():
                    return "interrupted"
                start = self.batch * self.course.batch_size
                if not self._learn(order[start : start + self.course.batch_size]):
                    return "diverged"
                self.batch += 1
                if watch is not None:
                    watch(self._progress(), (self.epoch + self.batch / self.batches) / self.course.epochs)
            validated = self.validation(stop)
            if validated is None:
                return "interrupted"
            self._end_epoch(validated)
            after_epoch()
        return "done"

    def settle(self) -> None:
        """Put the weights in place that count: with patience, those of the best epoch."""
        if self.best is not None and self.best_epoch:
            self.network.flat[...] = self.best

    def _learn(self, chosen: Array) -> bool:
        """One update; whether the loss and the weights are still numbers. If not, the weights are those from before."""
        network = self.network
        now = network.flat.copy()
        passed = network.forward(
            {name: each[chosen] for name, each in self.inputs.items()}, True, (self.course.seed, self.epoch, self.batch)
        )
        loss, gradients, right = self._judged(passed.values, chosen)
        loss += passed.penalty
        if not isfinite(loss):
            network.flat[...] = self._good
            return False
        self._good = now
        network.backward(passed, gradients)
        self.optimizer.update(network.flat[: network.learned], network.gradient)
        if not np.isfinite(network.flat).all():
            network.flat[...] = self._good
            return False
        self.sums.add(len(chosen), loss, right)
        return True

    def _judged(
        self, values: Mapping[str, Array], chosen: Array | slice
    ) -> tuple[float, dict[str, Array], dict[str, tuple[int, int] | None]]:
        """The loss of a batch's outputs, its gradient by each, and how many of its places are right."""
        total, gradients, right = 0.0, {}, {}
        for name, loss in self.losses.items():
            y, target = values[name], self.targets[name][chosen]
            wanted = losses.one_hot(target, y.shape[-1], y.dtype) if loss.classes else target
            unfinished = name in self.unfinished
            function = loss.logits if unfinished and loss.logits else loss.function
            one, gradients[name] = function(y, wanted)
            total += one
            right[name] = losses.correct_predictions(loss, y, target, not unfinished)
        return total, gradients, right

    def _end_epoch(self, validated: Mapping[str, float]) -> None:
        figures = {**self.sums.figures(), **validated}
        for name, figure in figures.items():
            self.history.setdefault(name, []).append(figure)
        self.epoch, self.batch, self.sums = self.epoch + 1, 0, EpochMetrics()
        loss = figures.get("val_loss", figures["loss"])
        if self.best is not None and (self.epoch == 1 or loss < self.best_loss):  # the first may not be a number
            self.best_loss, self.best_epoch = loss, self.epoch
            self.best[...] = self.network.flat

    def validation(self, stop: Callable[[], bool] = lambda: False) -> dict[str, float] | None:
        """The figures of the samples that are not learned from; none where there are none. None if `stop` says so."""
        sums = EpochMetrics()
        for start in range(self.learned, self.samples, self.course.batch_size):
            if stop():
                return None
            chosen = slice(start, min(start + self.course.batch_size, self.samples))
            passed = self.network.forward({name: each[chosen] for name, each in self.inputs.items()})
            loss, _, right = self._judged(passed.values, chosen)
            sums.add(chosen.stop - chosen.start, loss + passed.penalty, right)
        return sums.figures("val_") if sums.samples else {}

    def _out_of_patience(self) -> bool:
        patience = self.course.patience
        return patience is not None and self.epoch - self.best_epoch >= patience

    def _progress(self) -> str:
        text = f"epoch {self.epoch + 1}/{self.course.epochs}  loss {self.sums.loss / self.sums.samples:.4g}"
        last = self.history.get("val_loss")
        return f"{text}  val_loss {last[-1]:.4g}" if last else text

    @property
    def where(self) -> str:
        """The epoch and batch at work, from 1."""
        return f"epoch {self.epoch + 1}, batch {self.batch + 1}"
