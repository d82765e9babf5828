"""Prepare a training: check options and data, plan the model, bind its weights, and restore a checkpoint."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from convcli.analysis.planning import plan_for
from convcli.core import memory
from convcli.core.errors import ConvcliError, located, suggestion
from convcli.core.lazy_imports import Array
from convcli.core.option_names import option
from convcli.core.records import replace
from convcli.core.shapes import known
from convcli.engine.bind_weights import WeightSource, bind
from convcli.engine.run import Batch, NamedArrays
from convcli.learning import run_state
from convcli.learning.checkpoint_settings import check_settings, run_settings
from convcli.learning.checkpoints import Checkpoint
from convcli.learning.flat_weights import flatten_weights
from convcli.learning.gradient_descent import GradientDescent, Schedule, default_epochs
from convcli.learning.network import Network
from convcli.learning.objective import Objective, choose_objective
from convcli.learning.optimizers import OPTIMIZERS
from convcli.learning.options import Options, resolve_options
from convcli.learning.samples import Samples, check_finite, training_count
from convcli.learning.targets import losses_and_targets
from convcli.learning.training import Training
from convcli.model.graph import Model
from convcli.model.plan import Plan
from convcli.readers.load import located_in


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
    """Return a training of the model that begins with these weights, or where the checkpoint's run stopped.

    Args:
        inputs: Whole arrays for the model's inputs, batch first.
        targets: Whole arrays for its outputs, batch first.
        options: The options of `convcli.fit`. Weights that come from nowhere else are drawn by their seed.
        weights: The weights to begin with; its seed is not used.
        threads: How many threads work; by default one for each core.
        checkpoint: The state of a run to resume; its weights take the place of `weights`.

    Raises:
        ConvcliError: Arrays, options or checkpoint do not suit the model, or there is too little memory.
    """
    with _located_in(checkpoint):
        options = resolve_options(options, checkpoint)
    batch = Batch(model, inputs, options.dtype)
    batch.check_memory()
    arrays = batch.read()
    check_finite(arrays, inputs.labels)
    with located_in(model):
        full_plan = plan_for(model, batch.shapes, inputs.data_format)
        plan = full_plan.pruned_to(model.outputs)
        plan.require_known()
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
    bound = bind(full_plan, weights, batch.dtype, {layer.node.owner for layer in plan.layers})
    objective = choose_objective(plan, losses)
    network = _network(plan, bound, objective, options, threads)
    remedy = f"a smaller {option('batch-size')} or model"
    memory.require(network.bytes_needed(min(batch.size, known(options.batch_size))), remedy)
    descent = _gradient_descent(network, objective, samples, options)
    if checkpoint is not None:
        _restore(descent, checkpoint)
    return Training(plan, options, descent, settings)


def _located_in(checkpoint: Checkpoint | None) -> AbstractContextManager[None]:
    return nullcontext() if checkpoint is None else located(checkpoint.name)


def _network(
    plan: Plan, weights: Mapping[str, Mapping[str, Array]], objective: Objective, options: Options, threads: int | None
) -> Network:
    """Return the network of a plan. Raises `ConvcliError` where it has no weights to train."""
    flat = flatten_weights(plan, weights, str(options.dtype), options.freeze or ())
    if not flat.gradient.size:
        with located_in(plan.model):
            raise ConvcliError("nothing to learn: no layer has weights that may change", "a layer that is not frozen")
    return Network(plan, flat, plan.model.outputs, logits=objective.logits, threads=threads)


def _gradient_descent(network: Network, objective: Objective, samples: Samples, options: Options) -> GradientDescent:
    """Return a run at its beginning, with the schedule and the optimizer that the options ask for."""
    split, batch_size = options.validation_split or 0.0, known(options.batch_size)
    epochs = options.epochs or default_epochs(training_count(samples.count, split), batch_size)
    schedule = Schedule(epochs, batch_size, known(options.seed), split, options.patience)
    trained = network.weights.trained
    optimizer = OPTIMIZERS[str(options.optimizer)](
        options.learning_rate or 0.0, options.momentum or 0.0, trained.size, trained.dtype
    )
    return GradientDescent(network, optimizer, objective, samples, schedule)


def _restore(descent: GradientDescent, checkpoint: Checkpoint) -> None:
    """Set a run to where the checkpoint stopped. Raises `ConvcliError` where that is beyond the epochs asked for."""
    with located(checkpoint.name):
        run_state.restore(descent, checkpoint)
        if (descent.epoch, descent.batch) > (descent.schedule.epochs, 0):
            raise ConvcliError(f"epochs {descent.schedule.epochs}: {descent.epoch} are done", "more, or leave it out")


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
