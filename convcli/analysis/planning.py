"""What a model yields and costs without data, and which inputs it accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from convcli.core.errors import ConvcliError
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
    """Which extents of the input along each axis in space the model accepts, or with `output` which of them yield it.

    `input_shape` is needed where the model does not say its own; its extents in space matter only where one axis
    depends on another. Raises `ConvcliError`.
    """
    from convcli.analysis.input_sizes import accepted_sizes, matching_sizes

    data_format = DataFormat.of(data_format or model.data_format)
    shapes = _own_or_given(model, named_shapes(model, input_shape, data_format))
    with located_in(model):
        return accepted_sizes(model, shapes) if output is None else matching_sizes(model, shapes, output)


def named_shapes(model: Model, input_shape: Any, data_format: DataFormat) -> dict[str, Shape]:
    """The input shapes that are given, by name and with channels last."""
    named = input_shape if isinstance(input_shape, Mapping) else {}
    if input_shape is not None and not named:
        named = {only_input(model): input_shape}
    return {name: data_format.to_last(parse_shape(value)) for name, value in named.items()}


def only_input(model: Model) -> str:
    if len(model.inputs) > 1:
        raise ConvcliError(f"which input? the model has {', '.join(model.inputs)}", "a shape or array for each by name")
    return next(iter(model.inputs))


def plan_for(model: Model, shapes: Mapping[str, Shape], data_format: DataFormat) -> Plan:
    """The plan of the model on these input shapes (channels last), or on its own where none is given.

    Raises `ConvcliError`; where the shapes would fit in the other data format, or if they were larger, it says so.
    """
    full = _own_or_given(model, shapes)
    try:
        return make_plan(model, full)
    except ConvcliError as error:
        hint = _other_format(model, full, data_format) or _sizes_that_fit(model, full)
        if hint:
            error.remedy = f"{error.remedy}; {hint}" if error.remedy else hint
        raise


def _own_or_given(model: Model, shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """The shape of each input: as given, else the model's own. Raises `ConvcliError`."""
    for name in shapes:
        if name not in model.inputs:
            raise ConvcliError(f"no input {name!r}", f"the model has {', '.join(model.inputs)}")
    full: dict[str, Shape] = {}
    for name, own in model.inputs.items():
        given = shapes.get(name, own)
        if given is None:
            raise ConvcliError(f"the shape of {name!r} is not known", "-i 28x28x1, or input: in the model")
        full[name] = given
    return full


def _other_format(model: Model, shapes: Mapping[str, Shape], data_format: DataFormat) -> str | None:
    """A hint for shapes that fit once they are read in the other data format, with fewer channels than cells."""
    turned = {name: data_format.misread(shape) for name, shape in shapes.items()}
    fewer = all((shape[-1] or 0) < (extent or 1) for shape in turned.values() for extent in shape[:-1])
    if turned != shapes and fewer and try_plan(model, turned):
        return f"the input looks {data_format.other.value}: --data-format {data_format.other.value}"
    return None


def _sizes_that_fit(model: Model, shapes: Mapping[str, Shape]) -> str | None:
    """A hint for inputs whose extents do not fit: the least that do, or which do at all."""
    from convcli.analysis.input_sizes import AcceptedSizes, accepted_sizes, smallest_sizes

    smallest = smallest_sizes(model, shapes) if len(model.nodes) > 1 else None
    if smallest is None:
        return None
    space = next(iter(shapes.values()))[:-1]
    if any(extent is not None and extent < few for extent, few in zip(space, smallest, strict=True)):
        return f"the model needs an input of at least {'×'.join(map(str, smallest))}"
    axes = [axis for axis in accepted_sizes(model, shapes).axes if isinstance(axis, AcceptedSizes)]
    fitting = "; ".join(f"{name}: {axis.text}" for name, axis in zip(axis_names(len(axes)), axes, strict=True))
    return f"input sizes that fit: {fitting}"
