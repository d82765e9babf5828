"""Plans of a model for the input shapes that the user gives, and the input sizes that it accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from convcli.core.errors import ConvcliError
from convcli.core.option_names import option, spoken
from convcli.core.shapes import DataFormat, Shape, axis_names
from convcli.model.graph import Model
from convcli.model.plan import Plan, make_plan, try_plan
from convcli.readers.input_shapes import parse_shape
from convcli.readers.load import located_in

if TYPE_CHECKING:
    from convcli.analysis.input_sizes import InputSizes


def find_input_sizes(
    model: Model, input_shape: Any = None, *, output: Shape | None = None, data_format: DataFormat | str | None = None
) -> InputSizes:
    """Find which input sizes a model accepts, or with `output` which of them give that output.

    Args:
        model: the model.
        input_shape: one sample's shape (in the order of `data_format`), or a mapping of shapes by the inputs' names.
            It is needed where the model does not say its own. Its spatial extents matter only where what fits along
            one axis depends on another.
        output: the requested extent of the output along each spatial axis.
        data_format: the order of the axes. Default: the model's.

    Raises:
        ConvcliError: no size fits, or the question has no answer for this model.
    """
    from convcli.analysis.input_sizes import accepted_sizes, matching_sizes

    data_format = DataFormat.parse(data_format or model.data_format)
    shapes = _complete_shapes(model, named_shapes(model, input_shape, data_format))
    with located_in(model):
        for node in model.nodes:
            node.require_known()
        return accepted_sizes(model, shapes) if output is None else matching_sizes(model, shapes, output)


def named_shapes(model: Model, input_shape: Any, data_format: DataFormat) -> dict[str, Shape]:
    """Return the given input shapes by the inputs' names, with channels last.

    `input_shape` is one shape for the single input, a mapping NAME: SHAPE, or None. As for arrays, a shape that has as
    many axes as the input has in space is of one channel.
    """
    by_name = input_shape if isinstance(input_shape, Mapping) else {}
    if input_shape is not None and not by_name:
        by_name = {only_input(model): input_shape}
    return {name: _sample_shape(model, name, parse_shape(shape), data_format) for name, shape in by_name.items()}


def _sample_shape(model: Model, name: str, shape: Shape, data_format: DataFormat) -> Shape:
    """Return the shape of a sample with channels last; one that has only axes of space has one channel."""
    own = model.inputs.get(name)
    if name in model.inputs and len(shape) == model.spatial_rank(name) and (own is None or own[-1] in (1, None)):
        return (*shape, 1)
    return data_format.to_channels_last(shape)


def only_input(model: Model) -> str:
    """Return the name of the model's single input. Raises `ConvcliError` where it has several."""
    if len(model.inputs) > 1:
        raise ConvcliError(f"which input? the model has {', '.join(model.inputs)}", "a shape or array for each by name")
    return next(iter(model.inputs))


def plan_for(model: Model, shapes: Mapping[str, Shape], data_format: DataFormat) -> Plan:
    """Plan a model for input shapes (channels last); inputs without one have the model's own shape.

    Raises `ConvcliError`. Its remedy says so where the shapes would fit in the other data format, and else which sizes
    fit.
    """
    complete = _complete_shapes(model, shapes)
    try:
        return make_plan(model, complete)
    except ConvcliError as error:
        hint = _data_format_hint(model, complete, data_format) or _size_hint(model, complete)
        if hint:
            error.remedy = f"{error.remedy}; {hint}" if error.remedy else hint
        raise


def _complete_shapes(model: Model, shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """Return the shape of each input: the given one, else the model's own. Raises `ConvcliError`."""
    for name in shapes:
        if name not in model.inputs:
            raise ConvcliError(f"no input {name!r}", f"the model has {', '.join(model.inputs)}")
    complete: dict[str, Shape] = {}
    for name, own in model.inputs.items():
        shape = shapes.get(name, own)
        if shape is None:
            way = spoken("-i 28x28x1", "input_shape=(28, 28, 1)")
            raise ConvcliError(f"the shape of {name!r} is not known", f"{way}, or input: in the model")
        complete[name] = shape
    return complete


def _data_format_hint(model: Model, shapes: Mapping[str, Shape], data_format: DataFormat) -> str | None:
    """Return a hint where shapes that do not fit would fit in the other data format, and have fewer channels there."""
    reordered = {name: data_format.reinterpret(shape) for name, shape in shapes.items()}
    has_few_channels = all((shape[-1] or 0) < (extent or 1) for shape in reordered.values() for extent in shape[:-1])
    if reordered != shapes and has_few_channels and try_plan(model, reordered):
        return f"the input looks {data_format.other.value}: {option('data-format', data_format.other.value)}"
    return None


def _size_hint(model: Model, shapes: Mapping[str, Shape]) -> str | None:
    """Return a hint where extents do not fit: the smallest that do, or if these are large enough, which do."""
    from convcli.analysis.input_sizes import AcceptedSizes, accepted_sizes, smallest_sizes

    smallest = smallest_sizes(model, shapes) if len(model.nodes) > 1 else None
    if smallest is None:
        return None
    space = next(iter(shapes.values()))[:-1]
    if any(extent is not None and extent < least for extent, least in zip(space, smallest, strict=True)):
        return f"the model needs an input of at least {'×'.join(map(str, smallest))}"
    axes = [axis for axis in accepted_sizes(model, shapes).axes if isinstance(axis, AcceptedSizes)]
    sizes = "; ".join(f"{name}: {axis.text}" for name, axis in zip(axis_names(len(axes)), axes, strict=True))
    return f"input sizes that fit: {sizes}"
