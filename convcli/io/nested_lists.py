"""Arrays as nested lists of numbers, the way YAML and JSON write them.

Neither format has a number for what is infinite or undefined: the words Infinity, -Infinity and NaN stand for these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, isnan
from typing import Any

from convcli.core.dtypes import MAX_EXACT_INTEGER, READABLE_DTYPES
from convcli.core.errors import ConvcliError, located, short_repr, shortened
from convcli.core.lazy_imports import Array, np
from convcli.core.shapes import format_shape
from convcli.io.npy import MAX_AXES

NONFINITE_WORDS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
MAX_TEXT_VALUES = 1 << 16  # converted together: as text, a number takes up to 128 bytes


def from_document(value: Any) -> Array | dict[str, Array]:
    """Return the array that a YAML or JSON value holds, or several by name. Raises `ConvcliError`.

    The value is a nested list, a mapping `{data: ..., dtype: ...}`, or the JSON result of an earlier run, whose
    `output` holds one array or a mapping of them.
    """
    if isinstance(value, str) and value not in NONFINITE_WORDS:
        raise ConvcliError(
            f"{short_repr(value)} is not an array",
            "lines of numbers split by commas, tabs, semicolons or spaces, or a nested list",
        )
    if not isinstance(value, Mapping):
        return to_array(value)
    if "output" in value:
        output = value["output"]
        if isinstance(output, Mapping):
            return {str(name): to_array(array) for name, array in output.items()}
        return to_array(output)
    if "data" not in value:
        raise ConvcliError(
            f"no array in a mapping of {shortened(', '.join(map(str, value))) or 'nothing'}", "data: or output:"
        )
    unknown = set(value) - {"data", "dtype"}
    if unknown:
        raise ConvcliError(f"unknown key {short_repr(sorted(map(str, unknown))[0])} beside data", "dtype, or none")
    array = to_array(value["data"])
    dtype = value.get("dtype")
    return array if dtype is None else _cast(array, dtype)


def _cast(array: Array, dtype: Any) -> Array:
    """Return the array in the dtype. Raises `ConvcliError` where that would do more than round."""
    if dtype not in READABLE_DTYPES:
        raise ConvcliError(f"dtype {short_repr(dtype)}", f"one of {', '.join(READABLE_DTYPES)}")
    with np.errstate(all="ignore"):
        cast = array.astype(dtype)
    fits = np.isfinite(cast) == np.isfinite(array) if cast.dtype.kind == "f" else cast == array
    if not fits.all():
        raise ConvcliError(f"{array[~fits].flat[0]} does not fit in {dtype}", "a type that holds it")
    return cast


def to_array(value: Any) -> Array:
    """Return a nested list of numbers as an array. Raises `ConvcliError` if it is ragged or holds anything else."""
    shape_of(value)
    return np.array(_with_nonfinite_numbers(value))


def _with_nonfinite_numbers(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_with_nonfinite_numbers(item) for item in value]
    return NONFINITE_WORDS[value] if isinstance(value, str) else value


def shape_of(value: Any, max_axes: int = MAX_AXES) -> tuple[int, ...]:
    """Return the shape of a nested list of numbers, without NumPy. Raises `ConvcliError` as `to_array` does."""
    if isinstance(value, list | tuple):
        if max_axes == 0:
            raise ConvcliError(f"more than {MAX_AXES} lists within each other")
        return (len(value),) if _is_plain_row(value) else _shape_of_list(value, max_axes)
    if isinstance(value, int):
        check_exact(value)
        return ()
    if isinstance(value, float) or (isinstance(value, str) and value in NONFINITE_WORDS):
        return ()
    raise ConvcliError(f"{short_repr(value)} is not a number")


def _is_plain_row(value: Sequence[Any]) -> bool:
    """Return True if a list holds only numbers that float64 keeps exact: a fast test for the bulk of a large array."""
    types = set(map(type, value))
    return types == {float} or (bool(types) and types <= {int, float} and max(map(abs, value)) <= MAX_EXACT_INTEGER)


def _shape_of_list(value: Sequence[Any], max_axes: int) -> tuple[int, ...]:
    shapes: list[tuple[int, ...]] = []
    for index, item in enumerate(value):
        with located(f"[{index}]"):
            shapes.append(shape_of(item, max_axes - 1))
            if shapes[-1] != shapes[0]:
                raise ConvcliError(
                    f"shape {format_shape(shapes[-1])}, its neighbours have {format_shape(shapes[0])}",
                    "rows of equal length",
                )
    return (len(shapes), *(shapes[0] if shapes else ()))


def check_exact(value: int) -> None:
    """Raise `ConvcliError` for a whole number that float64 would round."""
    if abs(value) > MAX_EXACT_INTEGER:
        raise ConvcliError(
            f"float64 does not hold the whole number {short_repr(value)} exactly",
            "with a decimal point it is rounded",
        )


def from_array(array: Array) -> Any:
    """Return an array as nested lists.

    Each number is the shortest that reads back the same in the array's dtype; infinite and undefined ones are words.
    """
    if array.ndim > 1 and array.size > MAX_TEXT_VALUES:
        return [from_array(part) for part in array]
    exact = array if array.dtype.itemsize == 8 else array.astype("U").astype(np.float64)
    return exact.tolist() if np.isfinite(array).all() else spell_nonfinite(exact.tolist())


def spell_nonfinite(value: Any) -> Any:
    """Return a number or nested list with infinite and undefined numbers as the words NaN, Infinity, -Infinity."""
    if isinstance(value, list):
        return [spell_nonfinite(item) for item in value]
    if not isinstance(value, float) or isfinite(value):
        return value
    return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"
