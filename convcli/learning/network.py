"""A plan as a network that learns: forward through all steps, and gradients back to every weight that may change."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from convcli.core.closeable import Closeable
from convcli.core.errors import located
from convcli.core.lazy_imports import Array
from convcli.core.memory import check_array_size
from convcli.core.records import Record
from convcli.core.shapes import product
from convcli.core.thread_pool import ThreadPool
from convcli.engine.linearize import StepCall, ValueName, count_uses, linearize
from convcli.learning.flat_weights import FlatWeights
from convcli.learning.gradients import forward
from convcli.learning.gradients.context import Backward, PassContext
from convcli.model.plan import Plan
from convcli.model.planned_layer import PlannedLayer
from convcli.model.steps import Noise, Step

# How many arrays are alive at once, at most: as large as all values of a batch, and as large as all weights.
VALUE_COPIES, WEIGHT_COPIES = 4, 8
PATCH_BYTES = 128 << 20  # of the patches of correlations, at most


class ForwardPass(Record):
    """The result of a forward pass: the outputs by name, the penalty that steps add to the loss, and the tape.

    The tape holds every step that ran, in order, with its backward function.
    """

    outputs: dict[str, Array]
    penalty: float
    tape: tuple[tuple[StepCall, Backward], ...]


class Network(Closeable):
    """The steps of a plan, run forward and backward on batches. To be closed, or used as a context.

    Args:
        plan: The layers that lead to the outputs.
        weights: The weights that the steps read, and where their gradients go.
        outputs: The layers whose values are the outputs.
        logits: Those of the outputs that are the values before the layer's last step, an activation.
        gradient_inputs: The model's inputs whose gradients `backward` returns.
        threads: How many threads work; by default one for each core.
    """

    def __init__(
        self,
        plan: Plan,
        weights: FlatWeights,
        outputs: Sequence[str],
        *,
        logits: Collection[str] = (),
        gradient_inputs: Collection[str] = (),
        threads: int | None = None,
    ) -> None:
        self.plan, self.weights = plan, weights
        linear = linearize(plan, lambda layer: _steps(layer, layer.name in logits))
        self._calls = linear.calls
        self._outputs = {name: linear.outputs[name] for name in outputs}
        self._trained = {call.output for call in self._calls if self._is_trained(call)}
        self._differentiated = self._values_with_gradients(gradient_inputs)
        self._workers = ThreadPool(threads)
        self._product_workers = self._workers.for_matrix_products()

    def _is_trained(self, call: StepCall) -> bool:
        """Tell whether training changes weights of a step."""
        return self.weights.is_trained(call.layer.node.owner, call.step.weights)

    def _values_with_gradients(self, inputs: Collection[str]) -> set[ValueName]:
        """Return the values whose gradients are needed: those that depend on trained weights or on these inputs."""
        names: set[ValueName] = set(inputs)
        for call in self._calls:
            if call.output in self._trained or names.intersection(call.inputs):
                names.add(call.output)
        return names

    def bytes_needed(self, batch_size: int) -> int:
        """Return the memory that training on a batch takes at most, the optimizer's state included."""
        inner = (shape for layer in self.plan.layers for shape in layer.step_shapes)
        shapes = [*self.plan.input_shapes.values(), *inner]
        values = batch_size * sum(product(shape) or 0 for shape in shapes)
        weights = self.weights.values
        return weights.itemsize * (VALUE_COPIES * values + WEIGHT_COPIES * weights.size) + PATCH_BYTES

    def forward(self, inputs: Mapping[str, Array], training: bool = False, seed: Sequence[int] = ()) -> ForwardPass:
        """Run a batch of inputs by name, `(batch, *spatial, channels)`, through all steps.

        In training, moving statistics follow those of the batch, and randomness follows from the seed.
        """
        context = PassContext(self._workers, self._product_workers, training, seed)
        values: dict[ValueName, Array] = dict(inputs.items())
        batch_size = len(next(iter(inputs.values())))
        uses = count_uses(self._calls, self._outputs.values())
        tape: list[tuple[StepCall, Backward]] = []
        for call in self._calls:
            owner = call.layer.node.owner
            # As in Keras: a frozen layer also keeps its moving statistics, but its dropout is at work.
            context.training = training and (owner not in self.weights.frozen or isinstance(call.step, Noise))
            with located(call.layer.where):
                check_array_size(batch_size * (product(call.layer.output_shape) or 0))
                operands = [values[name] for name in call.inputs]
                weights = self.weights.by_layer.get(owner, {})
                values[call.output], backward = forward(call.step, operands, weights, context)
            tape.append((call, backward))
            for name in call.inputs:
                uses[name] -= 1
                if not uses[name]:
                    del values[name]
        outputs = {layer: values[name] for layer, name in self._outputs.items()}
        return ForwardPass(outputs, context.penalty, tuple(tape))

    def backward(self, done: ForwardPass, output_gradients: Mapping[str, Array]) -> dict[ValueName, Array]:
        """Fill the gradient of the weights, given the gradients by the outputs.

        Returns the gradients by the model's inputs in `gradient_inputs`, by name.
        """
        self.weights.gradient[...] = 0
        gradients: dict[ValueName, Array] = {}
        for output, dy in output_gradients.items():
            _accumulate(gradients, self._outputs[output], dy)
        for call, step_backward in reversed(done.tape):
            if call.output not in gradients or call.output not in self._differentiated:
                continue
            dy = gradients.pop(call.output)
            by_inputs = any(name in self._differentiated for name in call.inputs)
            input_gradients, weight_gradients = step_backward(dy, by_inputs, call.output in self._trained)
            for variable, gradient in weight_gradients.items():
                self.weights.gradients[call.layer.node.owner, variable][...] += gradient
            if not by_inputs:
                continue
            for name, dx in zip(call.inputs, input_gradients, strict=True):
                if name in self._differentiated and dx is not None:
                    _accumulate(gradients, name, dx)
        return gradients

    def close(self) -> None:
        """Let threads and their memory go."""
        self._workers.close()
        self._product_workers.close()


def _steps(layer: PlannedLayer, logits: bool) -> tuple[Step, ...]:
    """Return the steps of a layer, those of training among them; for logits all but the last."""
    steps = (*layer.steps, *layer.node.layer.training_steps(layer.output_shape))
    return steps[:-1] if logits else steps


def _accumulate(gradients: dict[ValueName, Array], name: ValueName, gradient: Array) -> None:
    """Add to the gradient by a value, which several steps may read."""
    gradients[name] = gradients[name] + gradient if name in gradients else gradient
