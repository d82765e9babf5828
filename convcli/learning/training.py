"""Training: a model that is ready to learn from its data, checkpoints on the way, and the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from convcli.core.closeable import Closeable
from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.core.option_names import option, spoken
from convcli.core.progress import ProgressCallback
from convcli.core.records import Record, replace
from convcli.learning import run_state
from convcli.learning.gradient_descent import GradientDescent, StopReason
from convcli.learning.options import Options
from convcli.model.plan import Plan

CHECKPOINT_INTERVAL = 1.0  # seconds between two checkpoints, at least
SaveCheckpoint = Callable[[dict[str, Array]], object]  # takes the arrays of a checkpoint by key


class TrainingResult(Record, kw_only=True):
    """The result of a training.

    `history` holds the metrics of each epoch by name, `weights` the weights by layer and variable, `losses` the name of
    the loss of each output. `options` are complete. `updates` counts those of all epochs. `error` says why a run
    diverged.
    """

    plan: Plan
    stop_reason: StopReason
    history: dict[str, list[float]]
    weights: dict[str, dict[str, Array]]
    losses: dict[str, str]
    options: Options
    training_samples: int
    validation_samples: int
    updates: int
    best_epoch: int | None
    error: ConvcliError | None = None

    @property
    def weights_by_key(self) -> dict[str, Array]:
        """The weights as a weights file holds them, by `LAYER/VARIABLE`."""
        return _by_key(self.weights)


class Training(Closeable):
    """A model with its data, ready to learn: what `prepare_training` returns. To be closed, or used as a context.

    `settings` are those that a checkpoint needs to be resumed.
    """

    def __init__(self, plan: Plan, options: Options, descent: GradientDescent, settings: Mapping[str, Any]) -> None:
        self.plan, self.options, self.descent = plan, options, descent
        self._settings = settings

    def run(
        self,
        on_progress: ProgressCallback | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        save_checkpoint: SaveCheckpoint | None = None,
    ) -> TrainingResult:
        """Train to the end, or until `should_stop`, which is called before each batch.

        Checkpoints are saved after epochs, at most one a second, and at the end. A loss that is not finite ends the
        run with an `error`, the weights from before, and no further checkpoint.
        """
        descent = self.descent
        saver = CheckpointSaver(descent, self._settings, save_checkpoint)
        stop_reason = descent.run(on_progress, should_stop, saver.save_if_due)
        error = None
        if stop_reason == "diverged":
            error = self._divergence()
        else:
            saver.save()
            descent.early_stopping.restore(descent.network.weights.values)
        return self._result(stop_reason, error)

    def _divergence(self) -> ConvcliError:
        remedy = f"smaller inputs or weights{spoken(', such as by --scale', '')}"
        if self.descent.optimizer.updates:
            rate = f"{option('learning-rate')} below {self.options.learning_rate:g}"
            remedy = f"{rate}, or {spoken('--scale', 'smaller inputs')}"
        return ConvcliError(f"{self.descent.position}: the loss is not finite", remedy)

    def _result(self, stop_reason: StopReason, error: ConvcliError | None) -> TrainingResult:
        descent = self.descent
        weights = descent.network.weights.by_layer
        return TrainingResult(
            plan=self.plan,
            stop_reason=stop_reason,
            history=descent.history,
            weights={layer: {name: np.array(value) for name, value in own.items()} for layer, own in weights.items()},
            losses={name: loss.name for name, loss in descent.objective.losses.items()},
            options=replace(self.options, epochs=descent.schedule.epochs),
            training_samples=descent.training_count,
            validation_samples=descent.samples.count - descent.training_count,
            updates=descent.optimizer.updates,
            best_epoch=descent.early_stopping.best_epoch or None,
            error=error,
        )

    def close(self) -> None:
        """Let its threads go."""
        self.descent.network.close()


class CheckpointSaver:
    """Saves the state of a run, if there is a function that takes it."""

    def __init__(self, descent: GradientDescent, settings: Mapping[str, Any], save: SaveCheckpoint | None) -> None:
        self._descent, self._settings, self._save = descent, settings, save
        self._last = time.monotonic()

    def save(self) -> None:
        """Save it now."""
        if self._save is not None:
            weights = _by_key(self._descent.network.weights.by_layer)
            self._save(run_state.save(self._descent, weights, self._settings))
            self._last = time.monotonic()

    def save_if_due(self) -> None:
        """Save it, unless the last time is less than `CHECKPOINT_INTERVAL` ago."""
        if time.monotonic() - self._last >= CHECKPOINT_INTERVAL:
            self.save()


def _by_key(weights: Mapping[str, Mapping[str, Array]]) -> dict[str, Array]:
    return {f"{layer}/{name}": array for layer, own in weights.items() for name, array in own.items()}
