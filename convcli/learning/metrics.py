"""The metrics of an epoch: its mean loss, and the accuracy of each output that has one."""

from __future__ import annotations

from collections.abc import Mapping


class EpochMetrics:
    """Sums over the batches of an epoch, from which its metrics follow.

    `loss_sum` is the loss of all samples; `correct` is, by output, how many predictions were right, of how many.
    """

    def __init__(self) -> None:
        self.samples = 0
        self.loss_sum = 0.0
        self.correct: dict[str, tuple[int, int]] = {}

    def add(self, samples: int, loss: float, correct: Mapping[str, tuple[int, int]]) -> None:
        """Add a batch with its mean loss."""
        self.samples += samples
        self.loss_sum += loss * samples
        for name, (right, count) in correct.items():
            right_before, count_before = self.correct.get(name, (0, 0))
            self.correct[name] = right_before + right, count_before + count

    @property
    def loss(self) -> float:
        """The mean loss of the samples so far."""
        return self.loss_sum / self.samples

    def by_name(self, prefix: str = "") -> dict[str, float]:
        """Return the metrics by name: `loss`, and `accuracy` or, for several outputs, `OUTPUT_accuracy`."""
        metrics = {f"{prefix}loss": self.loss}
        for output, (right, count) in self.correct.items():
            name = f"{output}_accuracy" if len(self.correct) > 1 else "accuracy"
            metrics[f"{prefix}{name}"] = right / count
        return metrics
