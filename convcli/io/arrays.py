"""Arrays: files and nested lists <-> NumPy arrays.

The format is told by the content, not by the name. NumPy is imported only when an array is made.
"""

from __future__ import annotations

import io
import os
import weakref
from collections.abc import Mapping, Sequence
from math import isfinite, isnan, prod
from typing import Any

from convcli.core import memory
from convcli.core.errors import ConvcliError, located, short
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record
from convcli.core.shapes import DataFormat, shape_text
from convcli.io import images, zip_archive
from convcli.io.files import STREAM, display_name, read_bytes, suffix
from convcli.io.yaml_json import SMALLER, parse

SUFFIXES = (".npy", ".npz", ".yaml", ".yml", ".json", ".csv", ".tsv", ".txt", *images.SUFFIXES)
NPY = b"\x93NUMPY"
VERSIONS = ((1, 0), (2, 0), (3, 0))  # of NPY; the last differs from the one before only in the names of fields
DTYPES = (
    "bool",
    *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
    "float16",
    "float32",
    "float64",
)
REAL = "biuf"  # the kinds of NumPy's types that hold real numbers
MOST_AXES = 32  # as many as every NumPy allows
LARGE = 1 << 26  # bytes: an NPY file of so many is not read whole
SHARE = 16  # nor one that takes more than such a part of the memory that there is
MOST_HEADER = 1 << 17  # bytes: NumPy refuses longer ones
CSV_BYTES = 80  # that a number takes at most while it is read
EXACT = 2**53  # float64 holds every whole number up to here
WORDS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


# ---- files ----


def load(name: str) -> Array:
    """The array in a file: `FILE`, `FILE.npz:KEY`, or `-`. Raises `ConvcliError`, naming the file."""
    return _loaded(name)[0]


def load_input(name: str, data_format: DataFormat) -> Array | Mapped:
    """The same for an input of a model: a picture, which is one sample with channels, is whole, in this format.

    A large NPY file is not read yet.
    """
    with located(display_name(name)):
        mapped = None if name == STREAM else _mapped(name)
    if mapped is not None:
        return mapped
    array, is_picture = _loaded(name)
    if not is_picture:
        return array
    sample = array if array.ndim == 3 else array[..., None]
    return (np.moveaxis(sample, -1, 0) if data_format is DataFormat.CHANNELS_FIRST else sample)[None]


def held(given: Array | Mapped) -> Array:
    """The array itself."""
    return given.array() if isinstance(given, Mapped) else given


class Mapped(Record):
    """An array in an NPY file that is open under this handle: parts of it are read when they are looked at.

    The file must not be cut short meanwhile; it may be replaced.
    """

    handle: int
    dtype: Any
    shape: tuple[int, ...]
    start: int
    fortran: bool

    def array(self) -> Array:
        """The array, mapped anew: what was read of it counts as this process's memory until it is let go."""
        with os.fdopen(os.dup(self.handle), "rb") as stream:
            return np.memmap(stream, self.dtype, "r", self.start, self.shape, "F" if self.fortran else "C")


def _mapped(name: str) -> Mapped | None:
    """A large NPY file as an array; None for all else."""
    try:
        if not os.path.isfile(name) or not _is_large(os.path.getsize(name)):
            return None
        with open(name, "rb") as stream:
            content, size = stream.read(MOST_HEADER), os.fstat(stream.fileno()).st_size
            if not content.startswith(NPY):
                return None
            shape, fortran, dtype, start = _npy_header(content, size)
            mapped = Mapped(os.dup(stream.fileno()), dtype, shape, start, fortran)
    except OSError:
        return None  # whoever reads it will say what is wrong
    weakref.finalize(mapped, os.close, mapped.handle)
    return mapped


def _is_large(size: int) -> bool:
    left = memory.room() if memory.WORTH_ASKING < size < LARGE else None
    return size >= LARGE or (left is not None and SHARE * size > left)


def _loaded(name: str) -> tuple[Array, bool]:
    """The array in a file, and whether that is a picture."""
    path, key = _split(name)
    with located(display_name(path)):
        content = read_bytes(path)
        found = read(content, suffix(path), display_name(path))
        if not isinstance(found, dict):
            if key is not None:
                raise ConvcliError(f"holds one array, not a {key!r}", "leave out the key")
            return found, images.is_picture(content)
        if key is None and len(found) == 1:
            return next(iter(found.values())), False
        if key not in found:
            raise several(found, path, key)
        return found[key], False


def several(found: Mapping[str, Any], path: str, key: str | None = None) -> ConvcliError:
    """What to say where one of several arrays must be named, or the one that is named is not there."""
    asked = "which array?" if key is None else f"no array {key!r}:"
    spelt = f"-- {path}" if path == STREAM else path  # or it would be taken for an option
    return ConvcliError(f"{asked} it holds {', '.join(found) or 'none'}", f"{spelt}:{next(iter(found), 'KEY')}")


def load_all(name: str) -> dict[str, Array]:
    """All arrays of an NPZ file by name. Raises `ConvcliError`, naming the file."""
    path, key = _split(name)
    with located(display_name(path)):
        if key is not None:
            raise ConvcliError(f"{key} is one array of it", "the whole file, or NAME=FILE for each")
        found = read(read_bytes(path), suffix(path))
        if not isinstance(found, dict):
            raise ConvcliError("holds a single array without a name", "an .npz file")
        return found


def _split(name: str) -> tuple[str, str | None]:
    if name.startswith(f"{STREAM}:"):
        return STREAM, name.removeprefix(f"{STREAM}:")
    if ":" not in name or os.path.exists(name):
        return name, None
    path, _, key = name.rpartition(":")
    return (path, key) if os.path.isfile(path) else (name, None)


def read(content: bytes, suffix: str = "", name: str = "the file") -> Array | dict[str, Array]:
    """The array that the bytes hold, or the named arrays; the suffix only settles what the content leaves open.

    `name` is what warnings call the file.
    """
    if content.startswith(NPY):
        return _npy(content)
    if zip_archive.is_zip(content):
        return _npz(content)
    if images.is_picture(content):
        return images.read(content, name)
    return from_document(read_document(content, suffix))


def is_binary(content: bytes) -> bool:
    """Whether the bytes are an array in a binary format, or a picture."""
    return content.startswith(NPY) or zip_archive.is_zip(content) or images.is_picture(content)


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
    shape, fortran, dtype, start = _npy_header(content, len(content))
    flat = np.frombuffer(content, dtype, prod(shape), start)
    try:
        return flat.reshape(shape, order="F" if fortran else "C")
    except ValueError as error:  # an extent beyond what NumPy counts, beside one of 0
        raise ConvcliError(f"broken NPY header: {error}") from None


def _npy_header(content: bytes, size: int) -> tuple[tuple[int, ...], bool, Any, int]:
    """What the beginning of a file of so many bytes says: shape, Fortran order, type, where the values begin."""
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        if version not in VERSIONS:
            raise ValueError(f"version {'.'.join(map(str, version))}")
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = header(stream)
    except Exception as error:  # NumPy lets through whatever Python's own parser raises on a damaged header
        raise ConvcliError(f"broken NPY header: {' '.join(str(error).split())}") from None
    if dtype.hasobject:
        raise ConvcliError("holds Python objects, which are never loaded", "an array of numbers")
    if dtype.kind not in REAL:
        raise ConvcliError(f"{dtype} values", "real numbers")
    if len(shape) > MOST_AXES or any(type(extent) is not int or extent < 0 for extent in shape):
        raise ConvcliError(f"broken NPY header: shape {short(shape)}")
    promised, held = prod(shape) * dtype.itemsize, size - stream.tell()
    if held != promised:
        raise ConvcliError(
            f"the header promises {promised} bytes ({dtype} of shape {shape_text(shape)}), {held} follow"
        )
    return shape, fortran, dtype, stream.tell()


def _npz(content: bytes) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for file, member in zip_archive.read(content, "NPZ archive").items():
        name = file.removesuffix(".npy")
        with located(name):
            if name in arrays:
                raise ConvcliError("is there twice, with .npy and without", "a name for each")
            if not member.startswith(NPY):
                raise ConvcliError("is not an NPY array")
            arrays[name] = _npy(member)
    return arrays


def packed(named: Mapping[str, Array]) -> bytes:
    """An NPZ file of arrays by name."""
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:  # numpy.savez takes no array of the name `file`
        for name, array in named.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return stream.getvalue()


def _lines_of_numbers(text: str) -> list[Any] | None:
    """CSV or TSV without a header -> rows; a single row or column -> a flat list; None for any other text."""
    lines = text.rstrip().splitlines()
    memory.check(CSV_BYTES * sum(map(text.count, ",\t\n")), SMALLER)
    start = next(place for place, line in enumerate(lines) if line.strip())
    separator = "\t" if "\t" in lines[start] else ","
    if _row(lines[start], separator) is None:
        return None
    rows: list[list[float]] = []
    for place, line in enumerate(lines[start:], start + 1):
        row = _row(line, separator)
        if row is None or len(row) != len(rows[0] if rows else row):
            with located(f"line {place}"):
                raise _wrong_line(line, separator, len(rows[0]))
        rows.append(row)
    if len(rows) == 1:
        return rows[0]
    return [row[0] for row in rows] if len(rows[0]) == 1 else rows


def _row(line: str, separator: str) -> list[float] | None:
    """The numbers of a line, or None where it holds anything else."""
    tokens = line.split(separator)
    try:
        numbers = list(map(float, tokens))
    except ValueError:
        return None
    if "_" in line:  # which Python allows in numbers
        return None
    for token, number in zip(tokens, numbers, strict=True):
        digits = token.strip().lstrip("+-")
        if abs(number) >= EXACT and digits.isdigit():
            _check_exact(int(digits[:400]))
    return numbers


def _wrong_line(line: str, separator: str, count: int) -> ConvcliError:
    if not line.strip():
        return ConvcliError("an empty line begins another map", "one map a file; npy and json hold several")
    tokens = line.split(separator)
    wrong = next((token.strip() for token in tokens if _row(token, separator) is None), None)
    if wrong is not None:
        return ConvcliError(f"{wrong!r} is not a number", "numbers split by commas or tabs")
    return ConvcliError(f"{len(tokens)} numbers, the first line has {count}")


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
    return array if dtype is None else _cast(array, dtype)


def _cast(array: Array, dtype: Any) -> Array:
    """The array in the type that the file asks for. Raises `ConvcliError` where that would do more than round."""
    if dtype not in DTYPES:
        raise ConvcliError(f"dtype {dtype!r}", f"one of {', '.join(DTYPES)}")
    with np.errstate(all="ignore"):
        cast = array.astype(dtype)
    kept = np.isfinite(cast) == np.isfinite(array) if cast.dtype.kind == "f" else cast == array
    if not kept.all():
        raise ConvcliError(f"{array[~kept].flat[0]} does not fit in {dtype}", "a type that holds it")
    return cast


def from_nested(value: Any) -> Array:
    """A nested list of numbers -> an array. Raises `ConvcliError` where it is ragged or holds anything else."""
    nested_shape(value)
    return np.array(_without_words(value))


def nested_shape(value: Any, axes: int = MOST_AXES) -> tuple[int, ...]:
    """The shape of a nested list of numbers, found without NumPy. Raises `ConvcliError` as `from_nested` does.

    `axes` is how many axes it may have.
    """
    if isinstance(value, list | tuple):
        if axes == 0:
            raise ConvcliError(f"more than {MOST_AXES} lists within each other")
        return (len(value),) if _is_row(value) else _list_shape(value, axes)
    if isinstance(value, int):
        _check_exact(value)
        return ()
    if isinstance(value, float) or (isinstance(value, str) and value in WORDS):
        return ()
    raise ConvcliError(f"{short(value)} is not a number")


def _is_row(value: Sequence[Any]) -> bool:
    """Whether a list surely holds nothing but numbers that float64 keeps: the bulk of a large array."""
    types = set(map(type, value))
    return types == {float} or (bool(types) and types <= {int, float} and max(map(abs, value)) <= EXACT)


def _list_shape(value: Sequence[Any], axes: int) -> tuple[int, ...]:
    shapes: list[tuple[int, ...]] = []
    for place, each in enumerate(value):
        with located(f"[{place}]"):
            shapes.append(nested_shape(each, axes - 1))
            if shapes[-1] != shapes[0]:
                raise ConvcliError(
                    f"shape {shape_text(shapes[-1])}, its neighbours have {shape_text(shapes[0])}",
                    "rows of equal length",
                )
    return (len(shapes), *(shapes[0] if shapes else ()))


def _check_exact(value: int) -> None:
    if abs(value) > EXACT:
        raise ConvcliError(
            f"the whole number {short(value)} is beyond what float64 keeps exact", "with a decimal point it is rounded"
        )


def _without_words(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_without_words(each) for each in value]
    return WORDS[value] if isinstance(value, str) else value


def plain(array: Array) -> Any:
    """An array as nested lists of the shortest numbers that read back the same; non-finite ones as their words."""
    if array.ndim > 1 and array.size > 1 << 16:  # by parts: as text, a number takes up 128 bytes
        return [plain(part) for part in array]
    exact = array if array.dtype.itemsize == 8 else array.astype("U").astype(np.float64)
    return exact.tolist() if np.isfinite(array).all() else worded(exact.tolist())


def worded(value: Any) -> Any:
    """A number or nested list of them, infinite and undefined ones as the words that JSON has for them."""
    if isinstance(value, list):
        return [worded(each) for each in value]
    if not isinstance(value, float) or isfinite(value):
        return value
    return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"
