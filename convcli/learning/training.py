"""Training: a model with its data, made ready to learn, and what comes of it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from convcli.analysis.planning import plan_for
from convcli.core import memory
from convcli.core.closeable import Closeable
from convcli.core.errors import ConvcliError, located, suggestion
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record, replace
from convcli.core.shapes import known
from convcli.engine.bind_weights import WeightSource, bind
from convcli.engine.run import Batch, NamedArrays
from convcli.learning.options import Options, resolve_options
from convcli.model.graph import Model
from convcli.model.plan import Plan
from convcli.readers.load import located_in

if TYPE_CHECKING:
    from convcli.learning.checkpoints import Checkpoint
    from convcli.learning.gradient_descent import GradientDescent, OnProgress, StopReason
    from convcli.learning.network import Network
    from convcli.learning.objective import Objective
    from convcli.learning.samples import Samples

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
    """A model with its data, ready to learn: see `prepare_training`. To be closed, or used as a context.

    `settings` are those that a checkpoint needs to be resumed.
    """

    def __init__(self, plan: Plan, options: Options, descent: GradientDescent, settings: Mapping[str, Any]) -> None:
        self.plan, self.options, self.descent = plan, options, descent
        self._settings = settings

    def run(
        self,
        on_progress: OnProgress | None = None,
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
        remedy = "smaller inputs or weights, such as by --scale"
        if self.descent.optimizer.updates:
            remedy = f"--learning-rate below {self.options.learning_rate:g}, or --scale"
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
        from convcli.learning import run_state

        if self._save is not None:
            weights = _by_key(self._descent.network.weights.by_layer)
            self._save(run_state.save(self._descent, weights, self._settings))
            self._last = time.monotonic()

    def save_if_due(self) -> None:
        """Save it, unless the last time is less than `CHECKPOINT_INTERVAL` ago."""
        if time.monotonic() - self._last >= CHECKPOINT_INTERVAL:
            self.save()


def prepare_training(
    model: Model,
    inputs: NamedArrays,
    targets: NamedArrays,
    options: Options,
    weights: WeightSource,
    *,
    threads: int | None = None,
    checkpoint: Checkpoint | None = None,
) -> Training:
    """Return a training of the model that begins with the weights given, or where the checkpoint stopped.

    Args:
        inputs: Whole arrays for the model's inputs, batch first.
        targets: Whole arrays for its outputs, batch first.
        options: The options of `convcli.fit`. Weights that come from nowhere else are drawn by their seed.
        weights: Where learning begins; its seed has no meaning here.
        threads: How many threads work; by default one for each core.
        checkpoint: Where an earlier run stopped; its weights take the place of `weights`.

    Raises:
        ConvcliError: Arrays, options or checkpoint do not suit the model, or there is too little memory.
    """
    from convcli.learning.checkpoint_settings import check_settings, run_settings
    from convcli.learning.objective import objective
    from convcli.learning.samples import Samples, check_finite
    from convcli.learning.targets import losses_and_targets

    with _located_in(checkpoint):
        options = resolve_options(options, checkpoint)
    batch = Batch(model, inputs, options.dtype)
    batch.check_memory()
    arrays = batch.read()
    check_finite(arrays, inputs.labels)
    with located_in(model):
        whole_plan = plan_for(model, batch.shapes, inputs.data_format)
        plan = whole_plan.pruned_to(model.outputs)
        _check_frozen(plan, options.freeze or ())
    _warn_of_ignored_settings(plan)
    losses, prepared_targets = losses_and_targets(plan, targets, options, batch.size)
    samples = Samples(arrays, prepared_targets)
    settings = run_settings(options, plan, losses, samples)
    weights = replace(weights, seed=options.seed)
    if checkpoint is not None:
        with _located_in(checkpoint):
            check_settings(checkpoint.settings, settings)
        weights = WeightSource(checkpoint.weights, checkpoint.name)
    bound = bind(whole_plan, weights, batch.dtype, {layer.node.owner for layer in plan.layers})
    goal = objective(plan, losses)
    network = _network(plan, bound, goal, options, threads)
    memory.require(network.bytes_needed(min(batch.size, known(options.batch_size))), "a smaller --batch-size or model")
    descent = _gradient_descent(network, goal, samples, options)
    if checkpoint is not None:
        _restore(descent, checkpoint)
    return Training(plan, options, descent, settings)


def _located_in(checkpoint: Checkpoint | None) -> AbstractContextManager[None]:
    return nullcontext() if checkpoint is None else located(checkpoint.name)


def _network(
    plan: Plan, weights: Mapping[str, Mapping[str, Array]], goal: Objective, options: Options, threads: int | None
) -> Network:
    """Return the network of a plan. Raises `ConvcliError` where it has no weights to train."""
    from convcli.learning.flat_weights import flatten_weights
    from convcli.learning.network import Network

    flat = flatten_weights(plan, weights, str(options.dtype), options.freeze or ())
    if not flat.gradient.size:
        with located_in(plan.model):
            raise ConvcliError("nothing to learn: no layer has weights that may change", "one that is not frozen")
    return Network(plan, flat, plan.model.outputs, logits=goal.logits, threads=threads)


def _gradient_descent(network: Network, goal: Objective, samples: Samples, options: Options) -> GradientDescent:
    """Return a run at its beginning, with the schedule and the optimizer that the options ask for."""
    from convcli.learning.gradient_descent import GradientDescent, Schedule, default_epochs
    from convcli.learning.optimizers import OPTIMIZERS
    from convcli.learning.samples import training_count

    split, batch_size = options.validation_split or 0.0, known(options.batch_size)
    epochs = options.epochs or default_epochs(training_count(samples.count, split), batch_size)
    schedule = Schedule(epochs, batch_size, known(options.seed), split, options.patience)
    trained = network.weights.trained
    optimizer = OPTIMIZERS[str(options.optimizer)](
        options.learning_rate or 0.0, options.momentum or 0.0, trained.size, trained.dtype
    )
    return GradientDescent(network, optimizer, goal, samples, schedule)


def _restore(descent: GradientDescent, checkpoint: Checkpoint) -> None:
    """Set a run to where the checkpoint stopped. Raises `ConvcliError` where that is beyond the epochs asked for."""
    from convcli.learning import run_state

    with located(checkpoint.name):
        run_state.restore(descent, checkpoint)
        if (descent.epoch, descent.batch) > (descent.schedule.epochs, 0):
            raise ConvcliError(f"epochs {descent.schedule.epochs}: {descent.epoch} are done", "more, or leave it out")


def _by_key(weights: Mapping[str, Mapping[str, Array]]) -> dict[str, Array]:
    return {f"{layer}/{name}": array for layer, own in weights.items() for name, array in own.items()}


def _check_frozen(plan: Plan, names: Sequence[str]) -> None:
    """Raise `ConvcliError` where a name is not that of a layer with weights."""
    with_weights = [layer.name for layer in plan.layers if layer.weights and not layer.node.shares_with]
    for name in names:
        if name not in with_weights:
            remedy = suggestion(name, with_weights) or "the model has none"
            raise ConvcliError(f"freeze {name}: no such layer with weights", remedy)


def _warn_of_ignored_settings(plan: Plan) -> None:
    """Warn once of each setting of the model that concerns training and is not supported."""
    layers: dict[str, list[str]] = {}
    for layer in plan.layers:
        for setting in () if layer.node.shares_with else layer.node.left_out:
            layers.setdefault(setting, []).append(layer.name)
    for setting, names in layers.items():
        source = plan.model.source or plan.model.name
        where = f"layer{'s' * (len(names) > 1)} {', '.join(names)}"
        warnings.warn(f"{source}: {where}: {setting} is ignored in training", stacklevel=2)
