"""The base of convolutions and the dense layer: a kernel, a bias, an activation."""

from __future__ import annotations

from typing import Any, ClassVar

from convcli.core.errors import ConvcliError
from convcli.core.shapes import Extent
from convcli.model.layers.arguments import (
    activation_name,
    argument,
    boolean,
    optional,
    whole_number,
)
from convcli.model.layers.base import Layer
from convcli.model.steps import Weight


class ActivatedLayer(Layer, abstract=True, kw_only=True):
    """A layer that can end in a bias and an activation."""

    activation: str | None = argument(activation_name, None)
    use_bias: bool = argument(boolean, True)

    def bias(self, filters: Extent) -> Weight | None:
        """Return the bias of so many output channels, None for a layer without one."""
        return Weight("bias", (filters,)) if self.use_bias else None


class KernelLayer(ActivatedLayer, abstract=True, kw_only=True):
    """A layer with one kernel, which the model can hold whole or as a list of filters.

    `KERNEL_AXES` are the letters of the stored kernel's axes after its spatial ones: `I` in, `O` out. `depth` is the
    number of channels that each filter in the model sees, None where the model holds no filters.
    """

    KERNEL_AXES: ClassVar[str] = "IO"
    weight_names = ("kernel", "bias")

    depth: int | None = argument(optional(whole_number()), None, derived=True)

    @classmethod
    def arguments_from_kernel(cls, shape: tuple[int, ...], groups: int) -> dict[str, Any]:
        """Return the arguments that a kernel of this shape (in Keras's layout) implies."""
        return {"filters": shape[-1], "kernel_size": shape[:-2], "depth": shape[-2]}

    @classmethod
    def arguments_from_filters(cls, size: tuple[int, ...], depth: int | None, count: int) -> dict[str, Any]:
        """Return the arguments that `count` filters of this size and depth imply; depth None is one channel."""
        return {"filters": count, "kernel_size": size, "depth": depth or 1}

    def channels_per_filter(self, channels: Extent, groups: int = 1, hint: str | None = None) -> Extent:
        """Return how many input channels each filter sees.

        Raises `ConvcliError` where the filters in the model have another depth; `hint` is added to its remedy.
        """
        needed = self.depth if channels is None else channels // groups
        if self.depth in (None, needed):
            return needed
        share = f" in {groups} groups" if groups > 1 else ""
        remedy = f"a filter has the depth of its input, here {needed}"
        raise ConvcliError(
            f"the filters are {self.depth} deep, the input has {channels} channels{share}",
            f"{remedy}; {hint}" if hint else remedy,
        )
