"""Compute a tile of a value from tiles of the inputs, with the same operations on tiles of all values between.

Which tile of each value is needed follows operation by operation, from the result backwards: the cells themselves and
a halo around them. Padding stays only at the borders of the whole value. `restrict_step` says what each step needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from convcli.core.records import replace
from convcli.engine.fusion import Operation
from convcli.engine.linearize import ValueName
from convcli.engine.restrict_step import RestrictedStep, Tile, restrict_step
from convcli.model.steps import Pad

Shapes = Mapping[ValueName, tuple[int, ...]]


class TilePlan(NamedTuple):
    """The operations that compute a tile, the name of the value that is the tile, and the tiles of inputs they read."""

    operations: tuple[Operation, ...]
    result: ValueName
    input_tiles: Mapping[str, Tile]

    def input_shapes(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the input tiles, given those of the whole inputs; all of one sample."""
        return {name: _tile_shape(shapes[name], tile) for name, tile in self.input_tiles.items()}


def plan_tile(
    operations: Sequence[Operation], input_shapes: Mapping[str, tuple[int, ...]], result: ValueName, tile: Tile
) -> TilePlan:
    """Return the operations that compute a tile of the value `result`, and no more than that needs."""
    shapes: dict[ValueName, tuple[int, ...]] = dict(input_shapes.items())
    shapes.update((operation.output, operation.output_shape) for operation in operations)
    needed, restricted = _needed_tiles(operations, shapes, result, tile)
    input_tiles = {name: needed[name] for name in input_shapes if name in needed}
    computed: dict[ValueName, Tile] = dict(input_tiles.items())
    planned: list[Operation] = []
    for operation in operations:
        if operation.output in restricted:
            planned += _restricted(operation, restricted[operation.output], shapes, computed)
            computed[operation.output] = restricted[operation.output].output_tile
    if computed[result] != tile:
        last = planned[-1] if planned else operations[-1]
        planned.append(_crop(last, result, shapes[result], computed[result], tile))
        result = planned[-1].output
    return TilePlan(tuple(planned), result, input_tiles)


def _needed_tiles(
    operations: Sequence[Operation], shapes: Shapes, result: ValueName, tile: Tile
) -> tuple[dict[ValueName, Tile], dict[ValueName, RestrictedStep]]:
    """Return which tile of each value the result's tile needs, and the restricted step that makes each value.

    A value that several operations read is needed in the smallest tile that covers what they read.
    """
    needed = {result: tile}
    restricted: dict[ValueName, RestrictedStep] = {}
    for operation in reversed(operations):
        if operation.output not in needed:
            continue
        input_shapes = [shapes[name] for name in operation.inputs]
        restriction = restrict_step(operation.step, needed[operation.output], input_shapes, operation.output_shape)
        restricted[operation.output] = restriction
        for name, input_tile in zip(operation.inputs, restriction.input_tiles, strict=True):
            needed[name] = _cover(needed[name], input_tile) if name in needed else input_tile
    return needed, restricted


def _restricted(
    operation: Operation, restriction: RestrictedStep, shapes: Shapes, computed: Mapping[ValueName, Tile]
) -> list[Operation]:
    """Return the operation on tiles, after the crops that it needs where a larger tile of an input is computed."""
    crops: dict[ValueName, Operation] = {}
    inputs: list[ValueName] = []
    for name, tile in zip(operation.inputs, restriction.input_tiles, strict=True):
        if computed[name] != tile:
            crop = _crop(operation, name, shapes[name], computed[name], tile)
            crops[crop.output] = crop
            name = crop.output
        inputs.append(name)
    on_tiles = replace(
        operation,
        step=restriction.step,
        inputs=tuple(inputs),
        input_shape=_tile_shape(shapes[operation.inputs[0]], restriction.input_tiles[0]),
        output_shape=_tile_shape(operation.output_shape, restriction.output_tile),
    )
    return [*crops.values(), on_tiles]


def _crop(operation: Operation, name: ValueName, shape: Sequence[int], computed: Tile, needed: Tile) -> Operation:
    """Return an operation that crops a value, of which one tile is computed, to the smaller tile that is needed.

    It counts as work of the layer that the given operation belongs to.
    """
    amounts = tuple(
        (start - needed_start, needed_stop - stop)
        for (start, stop), (needed_start, needed_stop) in zip(computed, needed, strict=True)
    )
    return Operation(
        operation.layer,
        operation.where,
        Pad(amounts),
        weights={},
        inputs=(name,),
        output=(f"{operation.output}<{name}", 0),
        input_shape=_tile_shape(shape, computed),
        output_shape=_tile_shape(shape, needed),
    )


def _cover(tile: Tile, other: Tile) -> Tile:
    """Return the smallest tile that covers both."""
    return tuple((min(a, c), max(b, d)) for (a, b), (c, d) in zip(tile, other, strict=True))


def _tile_shape(shape: Sequence[int], tile: Tile) -> tuple[int, ...]:
    """Return the shape of a tile of a sample of this shape: all channels of its cells."""
    return (*(stop - start for start, stop in tile), shape[-1])
