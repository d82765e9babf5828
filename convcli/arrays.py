"""Arrays: files and nested lists -> NumPy arrays, with the rules for rank, layout and number type.

The format is told by the content, not by the name. NumPy is imported only when an array is made.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convcli._lazy import Lazy
from convcli.documents import parse
from convcli.errors import ConvcliError, located, short
from convcli.files import STREAM, display_name, read_bytes
from convcli.geometry import DataFormat, shape_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]
else:
    np = Lazy("numpy")

SUFFIXES = (".npy", ".npz", ".yaml", ".yml", ".json", ".csv", ".tsv", ".txt")
NPY, ZIP = b"\x93NUMPY", (b"PK\x03\x04", b"PK\x05\x06")
IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"II*\0", b"MM\0*")
DTYPES = (
    "bool",
    *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
    "float16",
    "float32",
    "float64",
)
WORDS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


# ---- files ----


def load(name: str) -> Array:
    """The array in a file: `FILE`, `FILE.npz:KEY`, or `-`. Raises `ConvcliError`, naming the file."""
    path, key = _split(name)
    with located(display_name(path)):
        found = read(read_bytes(path), Path(path).suffix.lower())
        if not isinstance(found, dict):
            if key is not None:
                raise ConvcliError(f"holds one array, not a {key!r}", "leave out the key")
            return found
        if key is None and len(found) == 1:
            return next(iter(found.values()))
        if key not in found:
            asked = "which array?" if key is None else f"no array {key!r}"
            raise ConvcliError(f"{asked} it holds {', '.join(found) or 'none'}", f"{path}:{next(iter(found), 'KEY')}")
        return found[key]


def load_all(name: str) -> dict[str, Array]:
    """All arrays of an NPZ file by name. Raises `ConvcliError`, naming the file."""
    with located(display_name(name)):
        found = read(read_bytes(name), Path(name).suffix.lower())
        if not isinstance(found, dict):
            raise ConvcliError("holds a single array without a name", "an .npz file")
        return found


def _split(name: str) -> tuple[str, str | None]:
    if name == STREAM or ":" not in name or os.path.exists(name):
        return name, None
    path, _, key = name.rpartition(":")
    return (path, key) if os.path.isfile(path) else (name, None)


def read(content: bytes, suffix: str = "") -> Array | dict[str, Array]:
    """The array that the bytes hold, or the named arrays; the suffix only settles what the content leaves open."""
    if content.startswith(NPY):
        return _npy(content)
    if content.startswith(ZIP):
        return _npz(content)
    if content.startswith(IMAGES):
        raise ConvcliError("is a picture", "an .npy file of its values")
    return from_document(read_document(content, suffix))


def is_binary(content: bytes) -> bool:
    """Whether the bytes are an array in a binary format."""
    return content.startswith((NPY, *ZIP))


def read_document(content: bytes, suffix: str = "") -> Any:
    """The plain value of a text: lines of numbers as a list, else what the YAML or JSON says."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConvcliError(f"byte {error.start} is not text", "UTF-8 text, or an .npy or .npz file") from None
    if not text.strip():
        raise ConvcliError("is empty")
    if "\0" in text:
        raise ConvcliError("holds null bytes", "UTF-8 text, or an .npy or .npz file")
    rows = _lines_of_numbers(text)
    return parse(text, json_only=suffix == ".json") if rows is None else rows


def _npy(content: bytes) -> Array:
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = header(stream)
    except (ValueError, SyntaxError, TypeError, KeyError) as error:
        raise ConvcliError(f"broken NPY header: {' '.join(str(error).split())}") from None
    if dtype.hasobject:
        raise ConvcliError("holds Python objects, which are never loaded", "an array of numbers")
    count = 1
    for extent in shape:
        count *= extent
    held = len(content) - stream.tell()
    if held != count * dtype.itemsize:
        raise ConvcliError(
            f"the header promises {count * dtype.itemsize} bytes ({dtype} of shape {shape_text(shape)}), {held} follow"
        )
    flat = np.frombuffer(content, dtype, count, stream.tell())
    return flat.reshape(shape, order="F" if fortran else "C")


def _npz(content: bytes) -> dict[str, Array]:
    arrays = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                name = entry.filename.removesuffix(".npy")
                with located(name):
                    member = archive.read(entry)
                    if not member.startswith(NPY):
                        raise ConvcliError("is not an NPY array")
                    arrays[name] = _npy(member)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise ConvcliError(f"broken NPZ archive: {error}") from None
    return arrays


def _lines_of_numbers(text: str) -> list[Any] | None:
    """CSV or TSV without a header -> rows; a single row or column -> a flat list; None for any other text."""
    lines = text.rstrip().splitlines()
    first = next(line for line in lines if line.strip())
    separator = "\t" if "\t" in first else ","
    if any(_number(token) is None for token in first.split(separator)):
        return None
    rows: list[list[float]] = []
    for place, line in enumerate(lines, 1):
        with located(f"line {place}"):
            if not line.strip():
                raise ConvcliError("an empty line begins another map", "one map a file; npy and json hold several")
            rows.append([_needed(token, line) for token in line.split(separator)])
            if len(rows[-1]) != len(rows[0]):
                raise ConvcliError(f"{len(rows[-1])} numbers, the first line has {len(rows[0])}")
    if len(rows) == 1:
        return rows[0]
    return [row[0] for row in rows] if len(rows[0]) == 1 else rows


def _needed(token: str, line: str) -> float:
    value = _number(token)
    if value is None:
        raise ConvcliError(f"{token.strip()!r} is not a number", "numbers split by commas or tabs")
    return value


def _number(token: str) -> float | None:
    try:
        return None if "_" in token else float(token)
    except ValueError:
        return None


# ---- plain values ----


def from_document(value: Any) -> Array | dict[str, Array]:
    """A nested list, `{data: ..., dtype: ...}`, or the `output` of an earlier run -> an array, or several by name."""
    if isinstance(value, str) and value not in WORDS:
        raise ConvcliError(f"{short(value)} is no array", "lines of numbers split by commas or tabs, or a nested list")
    if not isinstance(value, Mapping):
        return from_nested(value)
    if "output" in value:
        output = value["output"]
        if isinstance(output, Mapping):
            return {str(name): from_nested(each) for name, each in output.items()}
        return from_nested(output)
    if "data" not in value:
        raise ConvcliError(f"no array in a mapping of {', '.join(map(str, value)) or 'nothing'}", "data: or output:")
    unknown = set(value) - {"data", "dtype"}
    if unknown:
        raise ConvcliError(f"unknown key {sorted(map(str, unknown))[0]!r} beside data", "dtype, or none")
    array = from_nested(value["data"])
    dtype = value.get("dtype")
    if dtype is None:
        return array
    if dtype not in DTYPES:
        raise ConvcliError(f"dtype {dtype!r}", f"one of {', '.join(DTYPES)}")
    return array.astype(dtype)


def from_nested(value: Any) -> Array:
    """A nested list of numbers -> an array. Raises `ConvcliError` where it is ragged or holds anything else."""
    nested_shape(value)
    return np.array(_without_words(value))


def nested_shape(value: Any) -> tuple[int, ...]:
    """The shape of a nested list of numbers, found without NumPy. Raises `ConvcliError` as `from_nested` does."""
    if isinstance(value, list | tuple):
        shapes = []
        for place, each in enumerate(value):
            with located(f"[{place}]"):
                shapes.append(nested_shape(each))
                if shapes[-1] != shapes[0]:
                    raise ConvcliError(
                        f"shape {shape_text(shapes[-1])}, its neighbours have {shape_text(shapes[0])}",
                        "rows of equal length",
                    )
        return (len(shapes), *(shapes[0] if shapes else ()))
    if isinstance(value, int | float) or value in WORDS:
        return ()
    raise ConvcliError(f"{short(value)} is not a number")


def _without_words(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_without_words(each) for each in value]
    return WORDS[value] if isinstance(value, str) else value


# ---- number type and layout ----


def to_float(array: Array, dtype: str | None = None) -> Array:
    """The array in the type it is computed in: float32 for float32 and float16, else float64, or the one asked for.

    Raises `ConvcliError` for anything but real numbers, and for whole numbers that float64 would round.
    """
    if array.dtype.kind not in "biuf":
        raise ConvcliError(f"{array.dtype} values", "real numbers")
    target = np.dtype(dtype or ("float32" if array.dtype.kind == "f" and array.dtype.itemsize <= 4 else "float64"))
    result = np.ascontiguousarray(array, target) if array.ndim else array.astype(target)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8 and dtype is None and array.size:
        most = max(-int(array.min()), int(array.max()))
        if most > 2**53:
            raise ConvcliError(f"holds the whole number {most}, beyond what float64 keeps exact", "float64 values")
    return result


def as_batch(array: Array, rank: int | None, data_format: DataFormat) -> Array:
    """An array of a model with `rank` spatial axes -> `(batch, *spatial, channels)`.

    Rank: one sample of one channel; one more: channels too; two more: batch too. With rank None it counts as whole.
    """
    if rank is None:
        if array.ndim < 2:
            raise ConvcliError(
                f"shape {shape_text(array.shape)} has no batch and channel axis",
                "(batch, ..., channels), at least rank 2",
            )
    elif not max(rank, 1) <= array.ndim <= rank + 2:
        raise ConvcliError(
            f"shape {shape_text(array.shape)} has rank {array.ndim}",
            f"rank {rank}: one sample of one channel, {rank + 1}: with channels, {rank + 2}: with a batch too",
        )
    elif array.ndim == rank:
        return array[None, ..., None]
    elif array.ndim == rank + 1:
        array = array[None]
    if data_format is DataFormat.CHANNELS_FIRST and array.ndim > 2:
        return np.moveaxis(array, 1, -1)
    return array


def from_batch(array: Array, data_format: DataFormat) -> Array:
    """`(batch, *spatial, channels)` -> the same in the given data format."""
    if data_format is DataFormat.CHANNELS_FIRST and array.ndim > 2:
        return np.moveaxis(array, -1, 1)
    return array


def plain(array: Array) -> Any:
    """An array as nested lists of the shortest numbers that read back the same; non-finite ones as their words."""
    if array.dtype.kind == "f":
        exact = array if array.dtype.itemsize == 8 else array.astype("U").astype(np.float64)
        return exact.tolist() if np.isfinite(array).all() else worded(exact.tolist())
    return array.tolist()


def worded(value: Any) -> Any:
    """A number or nested list of them, infinite and undefined ones as the words that JSON has for them."""
    if isinstance(value, list):
        return [worded(each) for each in value]
    if value != value:
        return "NaN"
    return value if abs(value) != float("inf") else "Infinity" if value > 0 else "-Infinity"
