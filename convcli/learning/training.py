"""A model that learns its weights from inputs and targets."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any
from zlib import crc32

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
from convcli.model.plan import Plan, PlannedLayer
from convcli.readers.load import located_in

if TYPE_CHECKING:
    from convcli.learning.checkpoints import Checkpoint
    from convcli.learning.gradient_descent import GradientDescent, StopReason, Watch
    from convcli.learning.losses import Loss
    from convcli.learning.network import Network

BETWEEN_CHECKPOINTS = 1.0  # seconds, at least


class TrainingResult(Record, kw_only=True):
    """What training came to: how it ended, the figures of each epoch by name, the weights by layer and name.

    `losses` are by output, `options` as they were in the end, `samples` those learned from and those kept for
    validation, `updates` those of all epochs. `problem` is what stopped it.
    """

    plan: Plan
    ending: StopReason
    history: dict[str, list[float]]
    weights: dict[str, dict[str, Array]]
    losses: dict[str, str]
    options: Options
    samples: tuple[int, int]
    updates: int
    best_epoch: int | None
    problem: ConvcliError | None = None

    @property
    def stored(self) -> dict[str, Array]:
        """The weights as a weights file holds them."""
        return _stored(self.weights)


class Training(Closeable):
    """A model with its inputs and targets, ready to learn. To be closed, or used as a context.

    The arguments of `fit` are in `options`, the seed of `weights` among them. `resume` is where an earlier run stopped.
    Raises `ConvcliError`.
    """

    def __init__(
        self,
        model: Model,
        inputs: NamedArrays,
        targets: NamedArrays,
        options: Options,
        *,
        weights: WeightSource | None = None,
        threads: int | None = None,
        resume: Checkpoint | None = None,
        resume_name: str = "checkpoint",
    ) -> None:
        from convcli.learning import checkpoints
        from convcli.learning.network import Network
        from convcli.learning.targets import check_finite, loss_includes_activation, losses_and_targets

        with located(resume_name) if resume else nullcontext():
            self.options = resolve_options(options, resume)
        batch = Batch(model, inputs, self.options.dtype)
        batch.check_memory()
        ready = batch.read()
        check_finite(ready, inputs.labels)
        with located_in(model):
            plan = plan_for(model, batch.shapes, inputs.data_format)
            self.plan = needed = plan.pruned_to(model.outputs)
            _check_frozen(needed, self.options.freeze or ())
        _warn_of_left_out(needed)
        samples = batch.size
        self.losses, goals = losses_and_targets(needed, targets, self.options, samples)
        self._settings = _settings(self.options, needed, self.losses, ready, goals)
        weights = replace(weights or WeightSource(), seed=self.options.seed)
        if resume:
            with located(resume_name):
                _check_same(resume, self._settings)
            weights = WeightSource(resume.weights, resume_name)
        kind = batch.dtype
        bound = bind(plan, weights, kind, {layer.node.owner for layer in needed.layers})
        unfinished = frozenset(
            layer.name for layer in needed.layers if loss_includes_activation(needed, layer, self.losses)
        )
        frozen = self.options.freeze or ()
        self._network = Network(
            needed, bound, kind, model.outputs, frozen=frozen, unfinished=unfinished, threads=threads
        )
        memory.require(
            self._network.footprint(min(samples, known(self.options.batch_size))), "a smaller --batch-size or model"
        )
        with located_in(model):
            if not self._network.learned:
                raise ConvcliError("nothing to learn: no layer has weights that may change", "one that is not frozen")
        self._run = _training(self._network, self.options, self.losses, unfinished, ready, goals)
        if resume:
            with located(resume_name):
                checkpoints.restore(self._run, resume)
                _check_ahead(self._run)

    def learn(
        self,
        watch: Watch | None = None,
        stop: Callable[[], bool] = lambda: False,
        save: Callable[[dict[str, Array]], object] | None = None,
    ) -> TrainingResult:
        """Train; a loss that is no number ends it with a `problem` and the weights from before.

        `stop` is asked after each batch. `save` is given what a checkpoint holds, now and then and at the end.
        """
        run = self._run
        keep = _keeper(run, self._settings, save)
        ending = run.run(watch, stop, keep)
        problem = None
        if ending == "diverged":
            slower = f"--learning-rate below {self.options.learning_rate:g}, or --scale"
            problem = ConvcliError(
                f"{run.where}: the loss is not finite",
                slower if run.optimizer.updates else "smaller inputs or weights, such as by --scale",
            )
        else:
            keep(at_once=True)
            run.settle()
        return TrainingResult(
            plan=self.plan,
            ending=ending,
            history=run.history,
            weights={
                layer: {name: np.array(each) for name, each in own.items()} for layer, own in self.weights.items()
            },
            losses={name: each.name for name, each in self.losses.items()},
            options=replace(self.options, epochs=run.course.epochs),
            samples=(run.learned, run.samples - run.learned),
            updates=run.optimizer.updates,
            best_epoch=run.best_epoch or None,
            problem=problem,
        )

    @property
    def weights(self) -> Mapping[str, Mapping[str, Array]]:
        """The weights as they are, by layer and name."""
        return self._network.weights

    def close(self) -> None:
        """Let its threads go."""
        self._network.close()


def _training(
    network: Network,
    options: Options,
    losses: Mapping[str, Loss],
    unfinished: frozenset[str],
    inputs: Mapping[str, Array],
    goals: Mapping[str, Array],
) -> GradientDescent:
    """The run that the options ask for."""
    from convcli.learning import gradient_descent
    from convcli.learning.optimizers import OPTIMIZERS

    share, batch_size = options.validation_split or 0.0, known(options.batch_size)
    learned = gradient_descent.split(len(next(iter(inputs.values()))), share)
    epochs = options.epochs or gradient_descent.enough_epochs(learned, batch_size)
    course = gradient_descent.Schedule(epochs, batch_size, known(options.seed), share, options.patience)
    rate, momentum = options.learning_rate or 0.0, options.momentum or 0.0
    optimizer = OPTIMIZERS[str(options.optimizer)](rate, momentum, network.learned, network.dtype)
    return gradient_descent.GradientDescent(network, optimizer, losses, unfinished, inputs, goals, course)


def _stored(weights: Mapping[str, Mapping[str, Array]]) -> dict[str, Array]:
    return {f"{layer}/{name}": array for layer, own in weights.items() for name, array in own.items()}


def _check_frozen(plan: Plan, names: Sequence[str]) -> None:
    """Raise `ConvcliError` where a name is not that of a layer with weights."""
    able = [layer.name for layer in plan.layers if layer.weights and not layer.node.shares_with]
    for name in names:
        if name not in able:
            raise ConvcliError(f"freeze {name}: no such layer with weights", suggestion(name, able) or "none has any")


def _warn_of_left_out(plan: Plan) -> None:
    """One warning for each thing that the model says of its training and that is not done."""
    layers: dict[str, list[str]] = {}
    for layer in plan.layers:
        for name in () if layer.node.shares_with else layer.node.left_out:
            layers.setdefault(name, []).append(layer.name)
    for name, of in layers.items():
        source = plan.model.source or plan.model.name
        called = f"layer{'s' * (len(of) > 1)} {', '.join(of)}"
        warnings.warn(f"{source}: {called}: {name} is left out in learning", stacklevel=2)


def _settings(
    options: Options, plan: Plan, losses: Mapping[str, Loss], inputs: Mapping[str, Array], goals: Mapping[str, Array]
) -> dict[str, Any]:
    """What a run that goes on must have in common with the one before."""
    kept = {name: value for name, value in options.__dict__.items() if name not in ("epochs", "loss")}
    return {
        **kept,
        "freeze": list(options.freeze or ()),
        "losses": {name: each.name for name, each in losses.items()},
        "model": crc32(repr([_likeness(layer) for layer in plan.layers]).encode()),
        "inputs and targets": _checksum([*inputs.values(), *goals.values()]),
    }


def _likeness(layer: PlannedLayer) -> tuple[Any, ...]:
    """All of a layer that training depends on, but its weights."""
    return layer.name, layer.node.owner, layer.node.layer, layer.node.trainable, layer.steps, layer.input_names


def _check_same(resume: Checkpoint, settings: Mapping[str, Any]) -> None:
    for name in ("model", "inputs and targets", "losses"):
        if resume.settings.get(name) != settings[name]:
            raise ConvcliError(f"made with other {name}", "the same again")


def _check_ahead(run: GradientDescent) -> None:
    """Raise `ConvcliError` where a run has gone beyond the epochs asked for."""
    if (run.epoch, run.batch) > (run.course.epochs, 0):
        raise ConvcliError(f"epochs {run.course.epochs}: {run.epoch} are done", "more, or leave it out")


def _checksum(arrays: Sequence[Array]) -> int:
    found = 0
    for array in arrays:
        found = crc32(np.ascontiguousarray(array).data.cast("B"), found)
    return found


def _keeper(
    run: GradientDescent, settings: Mapping[str, Any], save: Callable[[dict[str, Array]], object] | None
) -> Callable[..., None]:
    """What writes a checkpoint after an epoch, unless the last one is too recent."""
    from convcli.learning import checkpoints

    last = time.monotonic()

    def keep(at_once: bool = False) -> None:
        nonlocal last
        if save is not None and (at_once or time.monotonic() - last >= BETWEEN_CHECKPOINTS):
            save(checkpoints.pack(run, _stored(run.network.weights), settings))
            last = time.monotonic()

    return keep
