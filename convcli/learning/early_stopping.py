"""Early stopping: training ends when the loss has not improved for some epochs."""

from __future__ import annotations

from math import inf

from convcli.core.lazy_imports import Array


class EarlyStopping:
    """The best epoch so far, with its loss and weights.

    It stops after `patience` epochs without a smaller loss, as Keras's `EarlyStopping(restore_best_weights=True)` does;
    with None never. `weights` is the array that training changes; the weights of the best epoch are a copy.
    """

    def __init__(self, patience: int | None, weights: Array) -> None:
        self.patience = patience
        self.best_loss, self.best_epoch = inf, 0
        self.best_weights = weights.copy() if patience else None

    def record(self, epoch: int, loss: float, weights: Array) -> None:
        """Record the end of an epoch, counted from 1. The first is the best so far even if its loss is not a number."""
        if self.best_weights is not None and (epoch == 1 or loss < self.best_loss):
            self.best_loss, self.best_epoch = loss, epoch
            self.best_weights[...] = weights

    def is_out_of_patience(self, epochs: int) -> bool:
        """Tell whether to stop after so many epochs."""
        return self.patience is not None and epochs - self.best_epoch >= self.patience

    def restore(self, weights: Array) -> None:
        """Put the weights of the best epoch in place, if there is one."""
        if self.best_weights is not None and self.best_epoch:
            weights[...] = self.best_weights
