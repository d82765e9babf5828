"""Asking a model which extents it accepts, by planning it for one extent after another along one axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice, product

from convcli.core.errors import ConvcliError, located
from convcli.core.shapes import Extent, Shape
from convcli.model.graph import Model
from convcli.model.plan import Plan, make_plan

LARGEST = 1 << 12  # a model that accepts no extent up to here is said to accept none
MOST_PERIOD = 1 << 9  # cells; a longer pattern is not followed to its end
AMPLE = 1 << 7  # an extent that is not small any more
MOST_AXES = 6  # every combination of a few extents along each axis is tried
FEW = 3


class NoSizeFitsError(ConvcliError):
    """A model accepts no size; the message is that of the last size that was tried."""

    def __init__(self, reason: ConvcliError, largest: int) -> None:
        super().__init__(reason.problem, f"no size up to {largest:,} is accepted")
        self.where = reason.where


class SizeProbe:
    """Plans a model for extents along one spatial axis, while the other axes have the extents `others`.

    At first the others are left open (None). All inputs have the same spatial extents.
    """

    def __init__(self, model: Model, shapes: Mapping[str, Shape]) -> None:
        spaces = {shape[:-1] for shape in shapes.values()}
        self.rank = len(next(iter(spaces)))
        if len(spaces) > 1 or self.rank == 0:
            raise ConvcliError("the inputs have different sizes, or no spatial axes", "inputs of one size")
        if self.rank > MOST_AXES:
            raise ConvcliError(f"{self.rank} spatial axes", f"at most {MOST_AXES}")
        self.model = model
        self.shapes = shapes
        self.own: tuple[Extent, ...] = next(iter(spaces))
        self.others: tuple[Extent, ...] = (None,) * self.rank
        self.error: ConvcliError | None = None  # of the last extents that were refused
        self._check_ranks()

    def _check_ranks(self) -> None:
        """Raise `ConvcliError` where an input has a rank that a layer does not take, whatever its extents."""
        for node in self.model.nodes:
            if node.inputs and all(name in self.shapes for name in node.inputs):
                with located(node.where):
                    node.layer.check_inputs([self.shapes[str(name)] for name in node.inputs], len(node.inputs))

    def plan(self, space: Sequence[Extent]) -> Plan | None:
        """Return the plan for these spatial extents, or None where the model does not accept them."""
        try:
            return make_plan(self.model, {name: (*space, shape[-1]) for name, shape in self.shapes.items()})
        except ConvcliError as error:
            self.error = error
            return None

    def along(self, axis: int) -> Callable[[int], Plan | None]:
        """Return the function that plans the model for an extent along one axis."""
        return lambda extent: self.plan((*self.others[:axis], extent, *self.others[axis + 1 :]))

    def smallest(self, largest: int = LARGEST) -> tuple[int, ...]:
        """Return the smallest accepted extent along each axis. Raises `NoSizeFitsError` where none fits."""
        return tuple(self._smallest(axis, largest) for axis in range(self.rank))

    def _smallest(self, axis: int, largest: int) -> int:
        fits = self.along(axis)
        for extent in range(1, largest + 1):
            if fits(extent):
                return extent
        assert self.error
        raise NoSizeFitsError(self.error, largest)

    def ample(self, axis: int) -> int:
        """Return an accepted extent along the axis that is not small, or 1 where there is none."""
        return next(filter(self.along(axis), range(AMPLE, 2 * AMPLE)), 1)

    def is_independent(self, smallest: tuple[int, ...]) -> bool:
        """Return whether the smallest extents along each axis are accepted in every combination.

        A few extents are tried along each axis, because extents of one cell broadcast and may fit by chance.
        """
        candidates = [
            list(islice(filter(self.along(axis), range(start, start + MOST_PERIOD)), FEW))
            for axis, start in enumerate(smallest)
        ]
        return all(self.plan(space) for space in product(*candidates))
