"""The closed set of steps that every layer is made of.

A step is a plan in whole numbers: it says which shape it makes, which weights it needs, what it costs and what each of
its cells sees. It holds no arrays. Shapes are those of one sample with channels last, `(*spatial, channels)`; axes
count from 0 in that order. The engine runs steps; everything else reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Literal

from convcli.core.errors import ConvcliError, located
from convcli.core.records import Record
from convcli.core.shapes import DataFormat, Extent, Shape, axis_names, known, product, quotient, shape_text, total
from convcli.model.receptive_field import AxisField, BoundedField, PeriodicField, ReceptiveField, TracedAxis
from convcli.model.window import Pair, Window


class Weight(Record):
    """A variable of a layer: its Keras name and its shape in Keras's layout.

    An extent is None where it follows from an input's unknown one. `initial` is how an undetermined weight is drawn:
    `glorot_uniform`, or the number that fills it. One that is not `required` counts as a parameter but is never read.
    """

    name: str
    shape: Shape
    initial: float | Literal["glorot_uniform"] = 0.0
    trainable: bool = True
    required: bool = True

    @property
    def extents(self) -> tuple[int, ...]:
        """The shape, once no extent of it is unknown: that of the array."""
        return tuple(map(known, self.shape))

    @property
    def size(self) -> Extent:
        """How many parameters it holds."""
        return product(self.shape)


def _followed(field: ReceptiveField, follow: Callable[[TracedAxis], AxisField]) -> ReceptiveField:
    """The field with each of its tracks changed."""
    return tuple(follow(seen) if isinstance(seen, TracedAxis) else seen for seen in field)


class Step(Record):
    """What every step answers; the answers here are those of a step that works cell by cell and has no weights."""

    @property
    def weights(self) -> tuple[Weight, ...]:
        """The variables that the step reads."""
        return ()

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape that comes out, for the shapes that go in. Raises `ConvcliError` where they do not fit."""
        return shapes[0]

    def macs(self, shape: Shape) -> Extent:
        """Multiplications by kernel weights, for one sample of this input shape."""
        return 0

    def trace(self, fields: Sequence[ReceptiveField | None], shapes: Sequence[Shape]) -> ReceptiveField:
        """What each output cell sees of a model input, given what each cell of the operands sees.

        `fields` and `shapes` are the operands'; a field is None for an operand that sees nothing of that input.
        """
        (field,) = fields
        assert field is not None
        return self.trace_single(field, shapes[0])

    def trace_single(self, field: ReceptiveField, shape: Shape) -> ReceptiveField:
        """The same for a step of one operand."""
        return field


def _slide(windows: Sequence[Window], space: Shape) -> Shape:
    """The positions of the windows along each spatial axis."""
    places = []
    for name, window, width in zip(axis_names(len(windows)), windows, space, strict=True):
        with located(name):
            places.append(window.output_extent(width))
    return tuple(places)


def _trace_windows(windows: Sequence[Window], field: ReceptiveField) -> ReceptiveField:
    def follow(track: TracedAxis) -> AxisField:
        passed = track.axis < len(windows)
        return _on(track.axis, track.field.through(windows[track.axis])) if passed else track

    return _followed(field, follow)


def _on(axis: int, reach: PeriodicField | BoundedField | None) -> AxisField:
    """The track on an axis, or the word where what is seen is left open."""
    return "unknown" if reach is None else TracedAxis(axis, reach)


def _mixed(axes: Iterable[int], field: ReceptiveField) -> ReceptiveField:
    """The field once all cells along the given axes have been mixed."""
    whole = set(axes)
    return _followed(field, lambda track: None if track.axis in whole else track)


class Correlate(Step):
    """Slide kernels over the spatial axes; each output cell is a dot product, plus a bias.

    Each of the `groups` of input channels meets its own share of the filters. With no windows it is a dense layer. The
    stored kernel has Keras's layout: `(*k, in/groups, filters)` in any factoring of those extents, or with
    `transposed` `(*k, filters/groups, in)`, to be met in reverse along each spatial axis. `flip` reverses it again:
    the convolution of signal processing.
    """

    windows: tuple[Window, ...]
    kernel: Weight
    filters: Extent
    bias: Weight | None = None
    groups: Extent = 1
    transposed: bool = False
    flip: bool = False

    @property
    def weights(self) -> tuple[Weight, ...]:
        return (self.kernel,) if self.bias is None else (self.kernel, self.bias)

    @property
    def kernels_2d(self) -> Extent:
        """How many single-channel kernels there are: in·out/groups."""
        return quotient(self.kernel.size, product(window.size for window in self.windows))

    def output_shape(self, *shapes: Shape) -> Shape:
        return (*_slide(self.windows, shapes[0][:-1]), self.filters)

    def macs(self, shape: Shape) -> Extent:
        # A transposed convolution meets each input cell with each weight once.
        places = shape[:-1] if self.transposed else self.output_shape(shape)[:-1]
        return product((*places, self.kernel.size))

    def trace_single(self, field: ReceptiveField, shape: Shape) -> ReceptiveField:
        return _mixed([len(self.windows)], _trace_windows(self.windows, field))


class Pool(Step):
    """The maximum or the mean of each window, channel by channel; empty cells count in the mean if `count_padding`."""

    kind: Literal["max", "average"]
    windows: tuple[Window, ...]
    count_padding: bool = False

    def output_shape(self, *shapes: Shape) -> Shape:
        for window in self.windows:
            if max(window.before, window.after) >= window.extent:
                raise ConvcliError(
                    f"padding of {max(window.before, window.after)} around windows of {window.extent} cells",
                    "less than a window, so that each holds some input",
                )
        return (*_slide(self.windows, shapes[0][:-1]), shapes[0][-1])

    def trace_single(self, field: ReceptiveField, shape: Shape) -> ReceptiveField:
        return _trace_windows(self.windows, field)


class GlobalPool(Step):
    """The maximum or the mean over all spatial axes, which are then dropped or kept with extent 1."""

    kind: Literal["max", "average"]
    keepdims: bool = False

    def output_shape(self, *shapes: Shape) -> Shape:
        *space, channels = shapes[0]
        return (*(1 for _ in space if self.keepdims), channels)

    def trace_single(self, field: ReceptiveField, shape: Shape) -> ReceptiveField:
        rank = len(shape) - 1
        left = _mixed(range(rank), field)
        return left if self.keepdims else _followed(left, lambda track: TracedAxis(track.axis - rank, track.field))


class Pad(Step):
    """Add cells around each spatial axis, or remove them where an amount is negative."""

    amounts: tuple[Pair, ...]
    mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros"

    def output_shape(self, *shapes: Shape) -> Shape:
        *space, channels = shapes[0]
        padded: list[Extent] = []
        for name, pair, width in zip(axis_names(len(space)), self.amounts, space, strict=True):
            with located(name):
                padded.append(None if width is None else self._padded(width, pair))
        return (*padded, channels)

    def _padded(self, width: int, pair: Pair) -> int:
        most = {"reflect": width - 1, "circular": width}.get(self.mode)
        if most is not None and max(pair) > most:
            raise ConvcliError(f"{self.mode} padding of {max(pair)} on {width} cells", f"at most {most} here")
        if width + sum(pair) < 1:
            raise ConvcliError(f"cropping {-pair[0]} + {-pair[1]} of {width} cells leaves none")
        return width + sum(pair)

    def trace_single(self, field: ReceptiveField, shape: Shape) -> ReceptiveField:
        def follow(track: TracedAxis) -> AxisField:
            if track.axis >= len(self.amounts):
                return track
            return _on(track.axis, track.field.padded(*self.amounts[track.axis], self.mode))

        return _followed(field, follow)


class Resize(Step):
    """Make each spatial axis `factor` times as long, by interpolation between the cells' centres."""

    factors: tuple[int, ...]
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"] = "nearest"

    # How far the interpolating kernel reaches, in input cells to either side.
    RADII: ClassVar[dict[str, int]] = {"bilinear": 1, "bicubic": 2, "lanczos3": 3, "lanczos5": 5}

    def output_shape(self, *shapes: Shape) -> Shape:
        *space, channels = shapes[0]
        return (*(product(pair) for pair in zip(space, self.factors, strict=True)), channels)

    def trace_single(self, field: ReceptiveField, shape: Shape) -> ReceptiveField:
        return _trace_windows([self._window(factor) for factor in self.factors], field)

    def _window(self, factor: int) -> Window:
        """The transposed window that sees the same cells."""
        if self.interpolation == "nearest" or factor == 1:
            size, before = factor, factor - 1
        else:  # the stretched cells strictly nearer than `radius` to the output cell's centre
            radius = self.RADII[self.interpolation] * factor
            size, before = 2 * radius - factor % 2, factor // 2 + radius - 1
        return Window(size, before=before, after=factor - 2 - before + size, upsample=factor)


class ChangeShape(Step):
    """The same values, read with the last axis fastest, in another shape.

    An axis that keeps its extent and its place among the values still sees what it saw.
    """

    shape: Shape

    def output_shape(self, *shapes: Shape) -> Shape:
        before, after = product(shapes[0]), product(self.shape)
        if before is not None and after is not None and before != after:
            raise ConvcliError(
                f"{shape_text(shapes[0])} holds {before} values, {shape_text(self.shape)} {after}",
                "the two must be equal",
            )
        return self.shape

    def trace_single(self, field: ReceptiveField, shape: Shape) -> ReceptiveField:
        if len(self.shape) == 1:  # flattened: counted as the whole, whatever the extents
            return tuple(None for _ in field)
        return _followed(field, lambda track: self._follow(track, shape))

    def _follow(self, track: TracedAxis, shape: Shape) -> AxisField:
        """The track on the axis that the same cells make up, if one surely does."""
        own = shape[track.axis]
        for axis, extent in enumerate(self.shape):
            leading = _surely_equal(shape[: track.axis], self.shape[:axis])
            trailing = _surely_equal(shape[track.axis + 1 :], self.shape[axis + 1 :])
            # Where the extent itself is unknown, it is the same only if all around it is.
            if extent == own and ((leading and trailing) if own is None else (leading or trailing)):
                return TracedAxis(axis, track.field)
        return "unknown" if None in (*shape, *self.shape) else None


def _surely_equal(one: Shape, other: Shape) -> bool:
    """Whether both hold equally many values, of which none is unknown."""
    return product(one) is not None and product(one) == product(other)


class MoveAxes(Step):
    """The axes in another order: output axis i is input axis `axes[i]`."""

    axes: tuple[int, ...]

    def output_shape(self, *shapes: Shape) -> Shape:
        return tuple(shapes[0][axis] for axis in self.axes)

    def trace_single(self, field: ReceptiveField, shape: Shape) -> ReceptiveField:
        return _followed(field, lambda track: TracedAxis(self.axes.index(track.axis), track.field))


class Activate(Step):
    """An activation with its parameters; a learned slope (PReLU's) spans `slope_axes`."""

    function: str
    parameters: tuple[tuple[str, float | bool | None], ...] = ()
    axes: tuple[int, ...] = ()
    slope: Weight | None = None
    slope_axes: tuple[int, ...] = ()

    @property
    def weights(self) -> tuple[Weight, ...]:
        return () if self.slope is None else (self.slope,)

    def output_shape(self, *shapes: Shape) -> Shape:
        if self.function != "glu":
            return shapes[0]
        (axis,) = self.axes
        width = shapes[0][axis]
        if width is not None and width % 2:
            raise ConvcliError(f"glu halves its axis, which has {width} cells", "an even number")
        half = None if width is None else width // 2
        return (*shapes[0][:axis], half, *shapes[0][axis + 1 :])

    def trace_single(self, field: ReceptiveField, shape: Shape) -> ReceptiveField:
        return _mixed(self.axes, field)


Numbers = Weight | tuple[float, ...]


class Scale(Step):
    """Shift and scale by numbers, learned or given, that span `axes`.

    affine: gamma·x + beta. batch: gamma·(x - mean) / sqrt(variance + epsilon) + beta. standard: (x - mean) /
    max(sqrt(variance), epsilon). inverse: x·max(sqrt(variance), epsilon) + mean. What is None is left out; `unread` is
    a variable that counts as a parameter only. In training batch takes mean and variance of the batch, and `momentum`
    is the share of the two weights that stays.
    """

    kind: Literal["affine", "batch", "standard", "inverse"]
    axes: tuple[int, ...]
    gamma: Numbers | None = None
    beta: Numbers | None = None
    mean: Numbers | None = None
    variance: Numbers | None = None
    epsilon: float = 0.0
    unread: Weight | None = None
    momentum: float = 0.99

    @property
    def weights(self) -> tuple[Weight, ...]:
        parts = (self.gamma, self.beta, self.mean, self.variance, self.unread)
        return tuple(part for part in parts if isinstance(part, Weight))


class Normalize(Step):
    """(x - mean) / sqrt(variance + epsilon), the two taken over `axes` of each sample.

    With `groups` the last of these axes is cut into so many equal parts, each with its own mean and variance. As is
    usual, the statistics do not count as part of a receptive field.
    """

    axes: tuple[int, ...]
    epsilon: float
    groups: Extent = 1


class Noise(Step):
    """In training, chance in every value; else the identity. Along `shared` axes all cells have the same.

    dropout: 0 at a rate of `amount`, the rest divided by 1 - amount. alpha_dropout: the same for self-normalizing
    networks. gaussian_dropout: times numbers around 1 of variance amount/(1 - amount). gaussian_noise: plus numbers
    around 0 of deviation `amount`.
    """

    kind: Literal["dropout", "alpha_dropout", "gaussian_dropout", "gaussian_noise"]
    amount: float
    shared: tuple[int, ...] = ()


class Penalty(Step):
    """The identity, for which training adds l1·Σ|x| + l2·Σx² of each sample to the loss."""

    l1: float
    l2: float


class Merge(Step):
    """Merge several values cell by cell, or lay them side by side along `axis`.

    Shapes broadcast as in NumPy, in the axis order of `data_format`. `constants` are numbers among the operands, by
    position. A sum takes each operand `coefficients` times; a mean divides it by the number of operands.
    """

    kind: Literal["sum", "mean", "product", "maximum", "minimum", "concatenate"]
    data_format: DataFormat = DataFormat.CHANNELS_LAST
    constants: tuple[tuple[int, float], ...] = ()
    coefficients: tuple[float, ...] = ()
    axis: int = -1

    def output_shape(self, *shapes: Shape) -> Shape:
        if self.kind == "concatenate":
            return self._side_by_side(shapes)
        outer = [self.data_format.from_last(shape) for shape in shapes]
        rank = max(map(len, outer))
        aligned = [(1,) * (rank - len(shape)) + shape for shape in outer]
        return self.data_format.to_last(
            tuple(self._broadcast(shapes, extents) for extents in zip(*aligned, strict=True))
        )

    @staticmethod
    def _broadcast(shapes: Sequence[Shape], extents: Sequence[Extent]) -> Extent:
        wide = {extent for extent in extents if extent != 1}
        if len(wide - {None}) > 1:
            shown = " and ".join(map(shape_text, shapes))
            raise ConvcliError(f"shapes {shown} do not broadcast", "extents must be equal, or 1")
        return next(iter(wide - {None} or wide), 1)

    def _side_by_side(self, shapes: Sequence[Shape]) -> Shape:
        def rest(shape: Shape) -> Shape:
            return (*shape[: self.axis], *shape[self.axis + 1 :])

        if len({len(shape) for shape in shapes}) > 1:
            raise ConvcliError(f"cannot concatenate {' and '.join(map(shape_text, shapes))}", "ranks must be equal")
        merged = []
        for extents in zip(*map(rest, shapes), strict=True):
            known = {extent for extent in extents if extent is not None}
            if len(known) > 1:
                shown = " and ".join(map(shape_text, shapes))
                raise ConvcliError(
                    f"cannot concatenate {shown}", "all extents but those of the concatenated axis must be equal"
                )
            merged.append(next(iter(known), None))
        widths = [shape[self.axis] for shape in shapes]
        return (*merged[: self.axis], total(widths), *merged[self.axis :])

    def trace(self, fields: Sequence[ReceptiveField | None], shapes: Sequence[Shape]) -> ReceptiveField:
        """Through any of the branches; one that sees the whole of an axis gives way to one with a window.

        Where the cells of one operand are repeated along an axis, or operands follow it along different axes, a cell
        sees windows far apart: the whole.
        """
        result = self.output_shape(*shapes)
        seen = [
            self._placed(field, shape, result) for field, shape in zip(fields, shapes, strict=True) if field is not None
        ]
        return tuple(_joined([each for each in every if each]) for every in zip(*seen, strict=True))

    def _placed(self, field: ReceptiveField, shape: Shape, result: Shape) -> tuple[AxisField | Literal["apart"], ...]:
        """An operand's field by the axes of the result."""
        if self.kind == "concatenate":
            apart = [isinstance(seen, TracedAxis) and seen.axis == self.axis for seen in field]
            return tuple("apart" if each else seen for each, seen in zip(apart, field, strict=True))
        there, back = self.data_format.order(len(shape)), self.data_format.order(len(result))
        moved = {axis: back[place + len(result) - len(shape)] for place, axis in enumerate(there)}

        def place(track: TracedAxis) -> TracedAxis | Literal["apart"]:
            axis = moved[track.axis]
            if not shape[track.axis] == 1 != result[axis]:
                return TracedAxis(axis, track.field)
            repeated = isinstance(track.field, BoundedField) and result[axis] is not None
            return TracedAxis(axis, BoundedField(track.field.spans * known(result[axis]))) if repeated else "apart"

        return tuple(place(seen) if isinstance(seen, TracedAxis) else seen for seen in field)


def _joined(branches: Sequence[TracedAxis | Literal["apart", "unknown"]]) -> AxisField:
    tracks = [each for each in branches if isinstance(each, TracedAxis)]
    if "apart" in branches or len({track.axis for track in tracks}) > 1:
        return None
    if "unknown" in branches:
        return "unknown"
    if not tracks:
        return None
    reach: PeriodicField | BoundedField | None = tracks[0].field
    for track in tracks[1:]:
        reach = reach and reach.union(track.field)  # type: ignore[arg-type]
    return _on(tracks[0].axis, reach)
