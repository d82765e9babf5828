"""The epilogue of an operation as the core applies it: sum · scale + bias + residual, a clip, an activation."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.engine.epilogue import Affine, ElementwiseActivation, Epilogue, EpilogueFunction
from convcli.engine.native.core import NativeCore


class NativeEpilogue(NamedTuple):
    """The part of an epilogue that the core applies to sums, and the functions that are left to do.

    `scale` and `bias` are `(filters,)` or None. `activation` is a name of `_core.activations()`, applied after the clip
    to `low` … `high`.
    """

    scale: Array | None = None
    bias: Array | None = None
    low: float = -inf
    high: float = inf
    activation: str = "none"
    alpha: float = 0.0
    rest: Epilogue = ()

    @property
    def is_affine(self) -> bool:
        """True if nothing but a scale and a bias is applied, so that a residual may still be added."""
        return (self.low, self.high, self.activation, self.rest) == (-inf, inf, "none", ())

    def enter(self, core: NativeCore, records: Array) -> None:
        """Enter the clip and the activation in records. Scale and bias are laid out as their kernel wants them."""
        records["low"], records["high"], records["alpha"] = self.low, self.high, self.alpha
        records["activation"] = core.module.activations().index(self.activation)


def native_epilogue(epilogue: Epilogue, filters: int, dtype: str) -> NativeEpilogue:
    """Return how the core applies an epilogue to sums of so many filters, as far as it can."""
    result = NativeEpilogue()
    for index, function in enumerate(epilogue):
        extended = _extended(result, function, filters, dtype)
        if extended is None:
            return result._replace(rest=epilogue[index:])
        result = extended
    return result


def _extended(before: NativeEpilogue, function: EpilogueFunction, filters: int, dtype: str) -> NativeEpilogue | None:
    """Return what was before, followed by a function; None where the core cannot do that."""
    if isinstance(function, Affine):
        return _scaled(before, function, filters, dtype) if before.is_affine else None
    if not isinstance(function, ElementwiseActivation) or before.activation != "none":
        return None
    if function.function == "linear":
        return before
    limit = function.upper_limit
    if limit is not None and before.is_affine:
        return before._replace(low=0.0, high=limit)
    if not before.is_affine:
        return None
    if function.function == "leaky_relu":
        return before._replace(activation="leaky", alpha=float(function.parameters.get("negative_slope", 0.2)))
    if function.function in ("hard_sigmoid", "hard_silu"):
        return before._replace(activation=function.function)
    return None


def _scaled(before: NativeEpilogue, affine: Affine, filters: int, dtype: str) -> NativeEpilogue | None:
    """Return (x · scale + bias) · factor + offset as one scale and one bias."""
    numbers = [number for number in (affine.factor, affine.offset) if number is not None]
    if any(number.shape not in ((), (1,), (filters,)) for number in numbers):
        return None
    scale, bias = before.scale, before.bias
    with np.errstate(over="ignore", invalid="ignore"):
        if affine.factor is not None:
            scale = affine.factor if scale is None else scale * affine.factor
            bias = None if bias is None else bias * affine.factor
        if affine.offset is not None:
            bias = affine.offset if bias is None else bias + affine.offset
    every = [None if number is None else np.broadcast_to(number, (filters,)).astype(dtype) for number in (scale, bias)]
    return before._replace(scale=every[0], bias=every[1])
