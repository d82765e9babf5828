"""A layer of a model whose values are explained: the model is run as far as the layer's inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcli.analysis.map_names import map_names
from convcli.core.errors import ConvcliError, located, suggestion
from convcli.core.lazy_imports import Array
from convcli.core.option_names import option
from convcli.core.records import Record
from convcli.core.shapes import DataFormat, known
from convcli.engine.bind_weights import WeightSource
from convcli.engine.execution import Execution
from convcli.engine.explain import Explainer
from convcli.engine.explain.stages import Stage
from convcli.engine.run import Batch, NamedArrays, prepare_run
from convcli.model.graph import Model, Node
from convcli.model.planned_layer import PlannedLayer
from convcli.readers.load import located_in


class Explanation(Record):
    """The stages that compute one value of a layer's output, in order.

    The value is that of the map with index `map`, at the cell `at`, of one sample of the batch.
    """

    layer: PlannedLayer
    sample: int
    map: int
    map_name: str
    at: tuple[int, ...]
    stages: tuple[Stage, ...]

    @property
    def value(self) -> Any:
        """The value itself."""
        return self.stages[-1].value


class ExplainedLayer(Record):
    """A layer on one sample of its inputs, with the names of its maps."""

    layer: PlannedLayer
    sample: int
    map_names: tuple[str, ...]
    explainer: Explainer

    @property
    def space(self) -> tuple[int, ...]:
        """The extents of a map."""
        return _space(self.layer)

    @property
    def cells(self) -> str:
        """The first and the last cell of a map, `0,0 to 5,5`."""
        return _cells(self.space)

    def explain(self, at: Sequence[int], map_index: int) -> Explanation:
        """Return how the value at a cell of a map is computed. Raises `ConvcliError` where there is no such cell."""
        cell = check_cell(self.layer, at)
        stages = self.explainer.stages((*cell, map_index))
        return Explanation(self.layer, self.sample, map_index, self.map_names[map_index], cell, stages)


def explained_layer(
    model: Model,
    inputs: NamedArrays,
    weights: WeightSource,
    execution: Execution,
    name: str | None = None,
    sample: int = 0,
) -> ExplainedLayer:
    """Run a model as far as a layer's inputs, on one sample.

    Args:
        name: The layer's name; None: the model's output.
        sample: Which sample of the batch, from 0.

    Raises:
        ConvcliError: There is no such layer or sample; or the model cannot be run, as in `prepare_run`.
    """
    node = find_layer(model, name)
    with located_in(model):
        node.require_known()
    batch = Batch(model, inputs, execution.dtype)
    check_sample(sample, batch.size)
    arrays: dict[str, Array] = batch.read(slice(sample, sample + 1))
    operands = [operand for operand in node.inputs if isinstance(operand, str)]
    computed = [operand for operand in operands if operand not in arrays]
    alone = NamedArrays(arrays, DataFormat.CHANNELS_LAST)
    with prepare_run(model, alone, weights, execution, outputs=computed, also_bind=[node.owner]) as run:
        result = run.result()
    layer = next(layer for layer in result.plan.layers if layer.name == node.name)
    values = {**arrays, **result.outputs}
    explainer = Explainer(layer, [values[operand] for operand in operands], result.weights[node.owner])
    return ExplainedLayer(layer, sample, map_names(result.plan)[layer.name], explainer)


def find_layer(model: Model, name: str | None) -> Node:
    """Return the layer of that name; None: the one output. Raises `ConvcliError` where there is no such one."""
    nodes = {node.name: node for node in model.nodes}
    with located_in(model):
        if name is None and len(model.outputs) > 1:
            remedy = option("layer-output", "NAME", python="layer")
            raise ConvcliError(f"the model has several outputs: {', '.join(model.outputs)}", remedy)
        name = model.outputs[0] if name is None else name
        if name not in nodes:
            raise ConvcliError(f"no layer {name!r}", suggestion(name, nodes))
    return nodes[name]


def check_cell(layer: PlannedLayer, at: Sequence[int]) -> tuple[int, ...]:
    """Return a cell of a layer's maps as a tuple. Raises `ConvcliError` where the maps have no such cell."""
    space, text = _space(layer), ",".join(map(str, at)) or "nothing"
    count = "1 axis" if len(space) == 1 else f"{len(space) or 'no'} axes"
    remedy = _cells(space) if space else f"without {option('at')}; {option('map')} names a value"
    with located("at"):
        if len(at) != len(space):
            raise ConvcliError(f"{text}: {layer.name} has {count} in space", remedy)
        if not all(type(index) is int and 0 <= index < extent for index, extent in zip(at, space, strict=True)):
            raise ConvcliError(f"{text} is outside {layer.name}", remedy)
    return tuple(at)


def check_sample(sample: Any, batch_size: int) -> None:
    """Raise `ConvcliError` unless the batch has such a sample."""
    if type(sample) is not int or not 0 <= sample < batch_size:
        with located("sample"):
            remedy = f"0 to {batch_size - 1}" if batch_size > 1 else "0, the only one"
            raise ConvcliError(f"there is no {sample!r}", remedy)


def _space(layer: PlannedLayer) -> tuple[int, ...]:
    return tuple(map(known, layer.output_shape[:-1]))


def _cells(space: Sequence[int]) -> str:
    return f"{','.join('0' for _ in space)} to {','.join(str(extent - 1) for extent in space)}"
