"""Translations of the values of PyTorch's arguments into those of layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from convcli.core.errors import ConvcliError, short_repr
from convcli.readers.dialect_class import Translation


def per_axis(value: Any, rank: int) -> list[Any]:
    """Return one number for each axis: PyTorch takes one for all, or a tuple of one for each."""
    if not isinstance(value, list | tuple):
        return [value] * rank
    if len(value) != rank:
        raise ConvcliError(short_repr(tuple(value)), f"one number, or {rank} of them" if rank > 1 else "one number")
    return list(value)


def optional_per_axis(value: Any, rank: int) -> list[Any] | None:
    """Return one number for each axis, or None for None."""
    return None if value is None else per_axis(value, rank)


def cells_or_word(value: Any, rank: int) -> Any:
    """Return the padding before and after each axis, or the word that stands for it."""
    if isinstance(value, str):
        if value not in ("same", "valid"):
            raise ConvcliError(short_repr(value), "same, valid, or numbers of cells")
        return value
    return pairs(value, rank)


def pairs(value: Any, rank: int) -> list[list[Any]]:
    """Return the padding before and after each axis, which PyTorch writes once for both."""
    return [[cells, cells] for cells in per_axis(value, rank)]


def flat_pairs(value: Any, rank: int) -> list[list[Any]]:
    """Return the padding before and after each axis, which PyTorch writes in a row, the last axis first."""
    if not isinstance(value, list | tuple):
        return [[value, value]] * rank
    if len(value) != 2 * rank:
        listed = ("left", "right", "top", "bottom", "front", "back")[: 2 * rank]
        raise ConvcliError(short_repr(tuple(value)), f"one number, or ({', '.join(listed)})")
    return [list(value[index : index + 2]) for index in range(0, len(value), 2)][::-1]


def momentum(value: Any, rank: int) -> Any:
    """Return the share of the old statistics, where PyTorch writes that of the new."""
    if value is None:
        raise ConvcliError("None, the mean of all batches", "a number; it matters only in training")
    return round(1 - value, 12) if isinstance(value, int | float) and not isinstance(value, bool) else value


def normalized_axes(value: Any, rank: int) -> list[int]:
    """Return the axes that a normalized shape is of: the last ones."""
    return list(range(-len(value) if isinstance(value, list | tuple) else -1, 0))


def approximate(value: Any, rank: int) -> bool:
    """Return whether GELU is approximated, which PyTorch says by a word."""
    if value not in ("none", "tanh"):
        raise ConvcliError(short_repr(value), "'none' or 'tanh'")
    return value == "tanh"


def sizes(value: Any, rank: int) -> Any:
    """Return what one number or a tuple means where the class has no number of axes of its own."""
    return list(value) if isinstance(value, list | tuple) else value


def only(value: Any, remedy: str) -> Translation:
    """Return the translation of an argument of which convcli knows one value; no argument of the layer has it."""

    def read(written: Any, rank: int) -> Any:
        if written != value:
            raise ConvcliError(f"{short_repr(written)} is not known here", remedy)
        return written

    return read


def choice_of(*words: str) -> Translation:
    """Return the translation of an argument that is one of some words, which the layer takes too."""

    def read(written: Any, rank: int) -> Any:
        if written not in words:
            raise ConvcliError(short_repr(written), f"one of {', '.join(words)}")
        return written

    return read


# ---- where a layer's arguments follow from several of PyTorch's ----

Adapt = Callable[[dict[str, Any], Mapping[str, Any]], None]


def check_same(arguments: dict[str, Any], bound: Mapping[str, Any]) -> None:
    """Raise `ConvcliError` for the padding `same` with strides, which PyTorch refuses."""
    if arguments["padding"] == "same" and any(stride != 1 for stride in arguments["strides"]):
        raise ConvcliError("padding='same' with a stride, which PyTorch refuses", "stride=1, or cells of padding")


def check_pool_padding(arguments: dict[str, Any], bound: Mapping[str, Any]) -> None:
    """Raise `ConvcliError` for padding of more than half a window, which PyTorch refuses."""
    sizes, padding = arguments["pool_size"], arguments["padding"]
    dilation = arguments.get("dilation_rate") or [1] * len(sizes)
    numbers = (*sizes, *dilation, *(cells for pair in padding for cells in pair))
    if not all(type(number) is int for number in numbers):
        return  # the layer says what is wrong
    for size, (cells, _), step in zip(sizes, padding, dilation, strict=True):
        if cells > ((size - 1) * step + 1) // 2:
            raise ConvcliError(f"padding={cells} is more than half of the window", "at most half of it")


def affine(arguments: dict[str, Any], bound: Mapping[str, Any]) -> None:
    """Turn `affine` or `elementwise_affine`, and `bias`, into `scale` and `center`."""
    learned = bound["affine"] if "affine" in bound else bound["elementwise_affine"]
    arguments |= {"scale": learned, "center": learned and bound.get("bias", True)}


def instance_affine(arguments: dict[str, Any], bound: Mapping[str, Any]) -> None:
    """Turn `affine` and `bias` into the arguments of instance normalization."""
    arguments["use_bias"] = bound["bias"] if bound["affine"] else True


def named_size(arguments: dict[str, Any], bound: Mapping[str, Any]) -> None:
    """Raise `ConvcliError` for a size of named axes."""
    size = bound["unflattened_size"]
    if isinstance(size, list | tuple) and any(isinstance(extent, list | tuple) for extent in size):
        raise ConvcliError("unflattened_size with names", "a tuple of whole numbers")
