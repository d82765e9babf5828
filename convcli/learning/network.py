"""A plan as a network that learns: forward through all steps, and gradients back to every weight that may change."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import prod

import numpy as np

from convcli.core.closeable import Closeable
from convcli.core.errors import check_array_size, located
from convcli.core.lazy_imports import Array
from convcli.core.records import Record
from convcli.core.shapes import product
from convcli.core.thread_pool import ThreadPool
from convcli.engine.linearize import StepCall, ValueName, count_uses, linearize
from convcli.learning.gradients import forward
from convcli.learning.gradients.context import Backward, PassContext
from convcli.model import steps
from convcli.model.plan import Plan, PlannedLayer

# Arrays as large as all values of a batch, and as all weights, that are alive at once; and what patches take up.
VALUES, WEIGHTS, PATCHES = 4, 8, 128 << 20
Weights = Mapping[str, Mapping[str, Array]]


class ForwardPass(Record):
    """A batch that has gone forward: the values asked for, what steps add to the loss, and the ways back."""

    values: dict[str, Array]
    penalty: float
    backs: tuple[tuple[StepCall, Backward], ...]


class Network(Closeable):
    """The weights of a plan in one flat array, and the steps that read them.

    `weights` are those to begin with; layers in `frozen`, and those that the model says are not trainable, keep theirs.
    `flat` holds all that may change: first what gradients are for, then moving statistics. `ends` are the values asked
    for; of a layer in `unfinished` it is that before its last step. `inputs` are those whose gradients are wanted too.
    """

    def __init__(
        self,
        plan: Plan,
        weights: Weights,
        dtype: str,
        ends: Sequence[str],
        frozen: Collection[str] = (),
        unfinished: Collection[str] = (),
        inputs: Collection[str] = (),
        threads: int | None = None,
    ) -> None:
        self.plan = plan.pruned_to(ends)
        self.dtype = np.dtype(dtype)
        self._fixed = {layer.node.owner for layer in self.plan.layers if not layer.node.trainable} | set(frozen)
        linear = linearize(self.plan, lambda layer: _steps(layer, layer.name in unfinished))
        self._calls = linear.calls
        self.ends = {name: linear.outputs[name] for name in ends}
        self._learned = {call.output for call in self._calls if self._learns(call)}
        self._lay_out(weights)
        self._reached = self._leading_back(inputs)
        self._workers = ThreadPool(threads)
        self._multiplying = self._workers.for_matrix_products()

    def _learns(self, call: StepCall) -> bool:
        """Whether training changes weights of the step."""
        return call.layer.node.owner not in self._fixed and any(weight.trainable for weight in call.step.weights)

    def _lay_out(self, weights: Weights) -> None:
        """Put what may change in one array, and a view of it in place of each such weight."""
        read = ((call.layer.node.owner, weight) for call in self._calls for weight in call.step.weights)
        able = dict.fromkeys(each for each in read if each[0] not in self._fixed and each[1].required)  # each once
        first, then = ([each for each in able if each[1].trainable is learned] for learned in (True, False))
        sizes = [prod(weight.extents) for _, weight in (*first, *then)]
        self.flat = np.zeros(sum(sizes), self.dtype)
        self.learned = sum(sizes[: len(first)])  # how many of them gradients are for
        self.gradient = np.zeros(self.learned, self.dtype)
        self.weights = {owner: dict(own) for owner, own in weights.items()}
        self.gradients: dict[tuple[str, str], Array] = {}
        start = 0
        for (owner, weight), size in zip((*first, *then), sizes, strict=True):
            part = slice(start, start + size)
            view = self.flat[part].reshape(weight.extents)
            view[...] = self.weights[owner][weight.name]
            self.weights[owner][weight.name] = view
            if weight.trainable:
                self.gradients[owner, weight.name] = self.gradient[part].reshape(weight.extents)
            start += size

    def _leading_back(self, inputs: Collection[str]) -> set[ValueName]:
        """The values that depend on weights which learn, or on the inputs: the ones whose gradients are of use."""
        found: set[ValueName] = set(inputs)
        for call in self._calls:
            if call.output in self._learned or found.intersection(call.inputs):
                found.add(call.output)
        return found

    def footprint(self, samples: int) -> int:
        """Bytes that a batch of so many samples takes at most, forward and back, and what an optimizer keeps."""
        inner = (shape for layer in self.plan.layers for shape in layer.step_shapes)
        shapes = [*self.plan.input_shapes.values(), *inner]
        values = samples * sum(product(shape) or 0 for shape in shapes)
        return self.dtype.itemsize * (VALUES * values + WEIGHTS * self.flat.size) + PATCHES

    def forward(self, inputs: Mapping[str, Array], training: bool = False, seed: Sequence[int] = ()) -> ForwardPass:
        """The ends for a batch of inputs `(batch, *spatial, channels)`.

        In training, moving statistics follow those of the batch, and chance follows from the seed.
        """
        way = PassContext(self._workers, self._multiplying, training, seed)
        values: dict[ValueName, Array] = dict(inputs.items())
        batch = len(next(iter(inputs.values())))
        uses = count_uses(self._calls, self.ends.values())
        backs: list[tuple[StepCall, Backward]] = []
        for call in self._calls:
            owner = call.layer.node.owner
            # As in Keras: one that keeps its weights keeps to its statistics too, but chance is at work in any.
            way.training = training and (owner not in self._fixed or isinstance(call.step, steps.Noise))
            with located(call.layer.where):
                check_array_size(batch * (product(call.layer.output_shape) or 0))
                taken = [values[name] for name in call.inputs]
                values[call.output], back = forward(call.step, taken, self.weights.get(owner, {}), way)
            backs.append((call, back))
            for name in call.inputs:
                uses[name] -= 1
                if not uses[name]:
                    del values[name]
        return ForwardPass({name: values[made] for name, made in self.ends.items()}, way.penalty, tuple(backs))

    def backward(self, passed: ForwardPass, ends: Mapping[str, Array]) -> dict[ValueName, Array]:
        """Fill `gradient`, from the gradients by the ends; what is returned are those by the inputs asked for."""
        self.gradient[...] = 0
        going: dict[ValueName, Array] = {}
        for name, dy in ends.items():
            made = self.ends[name]
            going[made] = going[made] + dy if made in going else dy
        for call, back in reversed(passed.backs):
            if call.output not in going or call.output not in self._reached:
                continue
            dy = going.pop(call.output)
            wanted = any(name in self._reached for name in call.inputs)
            inputs, weights = back(dy, wanted, call.output in self._learned)
            for variable, own in weights.items():
                into = self.gradients[call.layer.node.owner, variable]
                np.add(into, own, out=into)
            if not wanted:
                continue
            for taken, dx in zip(call.inputs, inputs, strict=True):
                if taken in self._reached and dx is not None:
                    going[taken] = going[taken] + dx if taken in going else dx
        return going

    def close(self) -> None:
        """Let threads and their memory go."""
        self._workers.close()
        self._multiplying.close()


def _steps(layer: PlannedLayer, unfinished: bool) -> tuple[steps.Step, ...]:
    """The steps of a layer, those of training among them; of an unfinished one all but the last."""
    own = (*layer.steps, *layer.node.layer.training_steps(layer.output_shape))
    return own[:-1] if unfinished else own
