"""The working behind the values of one layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from convcli._lazy import Array
from convcli.api.models import within
from convcli.api.running import Weights, array_of, named_inputs, run, weights_of
from convcli.api.shapes import plan_for
from convcli.api.tasks import AS_THEY_ARE, batched, common_type, sources
from convcli.errors import ConvcliError, located, nearest
from convcli.geometry import DataFormat
from convcli.inputs import Preparation
from convcli.model import Model

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from convcli.report.explain import Explained
    from convcli.report.scene import Scene


def explained(
    model: Model,
    inputs: Mapping[str, Array],
    layer: str | None = None,
    *,
    sample: int = 0,
    dtype: str | None = None,
    data_format: DataFormat | None = None,
    labels: Mapping[str, str] | None = None,
    preparation: Preparation = AS_THEY_ARE,
    **settings: Any,
) -> Explained:
    """A layer, by default the output, whose values are to be explained: the model applied to one sample as far as it.

    The other arguments are those of `run`. Raises `ConvcliError`.
    """
    from convcli.explanations import Explainer
    from convcli.report.apply import map_names
    from convcli.report.explain import Explained, check_sample

    node = _node(model, layer)
    found = sources(model, inputs, data_format or model.data_format, labels, preparation)
    check_sample(sample, next(iter(found.values())).shape[0])
    chosen, kind = slice(sample, sample + 1), common_type(found, dtype)
    one = {name: each.part(kind, chosen) for name, each in found.items()}
    taken = [each for each in node.inputs if isinstance(each, str)]
    before = [name for name in taken if name not in one]
    done = run(model, one, keep=before, also=[node.owner], data_format=DataFormat.CHANNELS_LAST, **settings)
    row = next(each for each in done.plan.rows if each.name == node.name)
    values = {**one, **done.values}
    explainer = Explainer(row, [values[name] for name in taken], done.weights[node.owner])
    return Explained(row, sample, map_names(done.plan)[row.name], explainer)


def _node(model: Model, layer: str | None) -> Any:
    nodes = {node.name: node for node in model.nodes}
    if layer is None and len(model.outputs) > 1:
        raise ConvcliError(f"the model has several outputs: {', '.join(model.outputs)}", "--layer-output NAME")
    name = model.outputs[0] if layer is None else layer
    if name not in nodes:
        raise ConvcliError(f"no layer {name!r}", nearest(name, nodes))
    return nodes[name]


def explain(
    model: Model,
    inputs: ArrayLike | Mapping[str, ArrayLike],
    at: Sequence[int] = (),
    *,
    map: str | int = 0,  # noqa: A002
    layer: str | None = None,
    sample: int = 0,
    weights: Weights = None,
    seed: int | None = None,
    dtype: str | None = None,
) -> dict[str, Any]:
    """The working behind the value at a place in space, from 0, of one of a layer's maps: `convcli explain -f json`.

    `map` is a map's name or number, `layer` a layer's name, by default the output. The other arguments are those of
    `apply`. Raises `ConvcliError`.
    """
    from convcli.report.apply import map_place

    held, source = weights_of(weights)
    given = {name: array_of(array) for name, array in named_inputs(model, inputs).items()}
    found = explained(model, given, layer, sample=sample, weights=held, weights_name=source, seed=seed, dtype=dtype)
    with located("map"):
        number = map_place(found.names, map)
    return found.at(found.checked(at), number).mapping()


def scene(
    model: Model,
    inputs: Mapping[str, Array],
    layers: Sequence[str] | str | None = None,
    *,
    dtype: str | None = None,
    data_format: DataFormat | None = None,
    labels: Mapping[str, str] | None = None,
    preparation: Preparation = AS_THEY_ARE,
    **settings: Any,
) -> Scene:
    """All that a page shows of the model on these arrays, as far as it leads to the named layers, or to the one output.

    The other arguments are those of `run`. Raises `ConvcliError`.
    """
    from convcli.report.apply import map_names
    from convcli.report.scene import Scene, check, parts_of

    ready = batched(model, inputs, dtype, data_format or model.data_format, labels, preparation)
    shapes = {name: array.shape[1:] for name, array in ready.items()}
    with within(model):
        wanted = [_node(model, layers).name] if layers is None or isinstance(layers, str) else layers
        plan = plan_for(model, shapes, DataFormat.CHANNELS_LAST).needed(wanted)
        check(plan, len(next(iter(ready.values()))))
    every = [row.name for row in plan.rows]
    done = run(model, ready, keep=every, data_format=DataFormat.CHANNELS_LAST, **settings)
    parts, values = parts_of(plan, {**ready, **done.values}, done.weights, map_names(plan))
    names = {name: tuple(f"channel {each}" for each in range(array.shape[-1])) for name, array in ready.items()}
    return Scene(model.name, values, names, parts)
