"""Steps that shift and scale: by given or learned numbers, or by statistics of the sample."""

from __future__ import annotations

from typing import ClassVar, Literal

from convcli.core.shapes import Extent, Shape
from convcli.model.steps.base import Step, Weight, mixes_some_space
from convcli.model.window import Window

Numbers = Weight | tuple[float, ...]


class Scale(Step):
    """Shift and scale by numbers, learned or given, that span `axes`; a number that is None is left out.

    The formulas, by kind:
        affine: gamma·x + beta
        batch: gamma·(x - mean) / sqrt(variance + epsilon) + beta
        standard: (x - mean) / max(sqrt(variance), epsilon)
        inverse: x·max(sqrt(variance), epsilon) + mean

    In training, `batch` takes mean and variance of the batch; `momentum` is the share of the moving mean and variance
    that stays at each update. `unread` is a weight that counts as a parameter only.
    """

    keeps_channels: ClassVar[bool] = True

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
        numbers = (self.gamma, self.beta, self.mean, self.variance, self.unread)
        return tuple(number for number in numbers if isinstance(number, Weight))

    def is_isotropic(self, *shapes: Shape) -> bool:
        return not mixes_some_space(self.axes, shapes[0])


class Normalize(Step):
    """(x - mean) / sqrt(variance + epsilon), with mean and variance over `axes` of each sample.

    Without `centered`, it is x / sqrt(mean of x² + epsilon). An epsilon of None is the distance from 1 to the next
    number of the type that is computed in. With `groups`, the last of these axes is cut into so many equal parts, each
    with its own mean and variance. As is usual, the statistics do not count in a receptive field.
    """

    axes: tuple[int, ...]
    epsilon: float | None
    groups: Extent = 1
    centered: bool = True

    def statistics_axes(self, shape: Shape) -> tuple[int, ...]:
        return self.axes

    def is_isotropic(self, *shapes: Shape) -> bool:
        return not mixes_some_space(self.axes, shapes[0])


class NormalizeLocally(Step):
    """x / (k + alpha·m)^beta, with m the mean of the squares of the channels in a window around the channel.

    The window may pass the first and the last channel; the cells beyond are zeros, which count in the mean. As is usual
    for statistics, the window does not count in a receptive field.
    """

    keeps_channels: ClassVar[bool] = True

    window: Window
    alpha: float
    beta: float
    k: float

    def statistics_axes(self, shape: Shape) -> tuple[int, ...]:
        return (len(shape) - 1,)
