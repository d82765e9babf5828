"""Arrays as NumPy and PyTorch print them: `[[0 0 1]\\n [0 1 0]]`, `array([[0, 1], [1, 0]], dtype=float32)`."""

from __future__ import annotations

import re
from typing import Any

from convcli.core import memory
from convcli.core.errors import ConvcliError, located, short_repr
from convcli.io.npy import MAX_AXES
from convcli.io.text_arrays import MAX_CHECKED_DIGITS
from convcli.io.yaml_json import SMALLER_TEXT, TOO_DEEP

BYTES_PER_NUMBER = 120  # that reading a number takes at most
ELLIPSIS = "..."  # where NumPy leaves out the middle of a large array
TOKENS = re.compile(r"[\[\],]|[^\s\[\],]+")
OPENING = re.compile(r"\s*\[[\[\s]*")
CALL = re.compile(r"\s*(?:(?:(?:np|numpy)\.)?array|(?:torch\.)?tensor)\(\s*(?=\[)")
# PyTorch says more of a tensor than its dtype; none of it changes the numbers.
OF_TENSORS = r"(?:,\s*(?:requires_grad=True|grad_fn=<\w+>|device='[\w:]+')\s*)*"
END_OF_CALL = re.compile(rf"\s*{OF_TENSORS}(?:,\s*dtype\s*=\s*([^\s,()]+)\s*)?{OF_TENSORS},?\s*\)\s*")
NEXT_ROW = re.compile(r"\s*\[")
BOOLEANS = {"True": True, "False": False}
PYTHON_DTYPES = {"bool": "bool", "int": "int64", "float": "float64"}


def parse(text: str) -> Any:
    """Return the nested list that a print of NumPy holds, `{data: …, dtype: …}` where it names a dtype.

    Any other text gives None, and so do lists with commas that do not stand in `array(…)`: YAML reads those.
    Raises `ConvcliError` with the line of a mistake, and the number of the value in that line.
    """
    call = CALL.match(text)
    if call is None:
        return _nested_list(text, 0, len(text)) if _is_print(text) else None
    end = text.rfind("]") + 1
    closing = END_OF_CALL.fullmatch(text, end)
    if not text[end:].strip():
        raise ConvcliError("the array does not end", "1 more )")
    if closing is None:
        raise ConvcliError(
            f"{short_repr(text[end:].strip())} after an array", "array([…]) or array([…], dtype=float32)"
        )
    data = _nested_list(text, call.end(), end)
    if closing[1] is None:
        return data
    dtype = closing[1].strip("'\"").removeprefix("np.").removeprefix("numpy.").removeprefix("torch.")
    return {"data": data, "dtype": PYTHON_DTYPES.get(dtype, dtype)}


def _is_print(text: str) -> bool:
    """Return True if the numbers of the first row, or the rows, stand side by side without a comma."""
    opening = OPENING.match(text)
    end = -1 if opening is None else text.find("]", opening.end())
    if opening is None or end < 0 or text.find(",", opening.end(), end) >= 0:
        return False
    row = text[opening.end() : end].split()
    if not row or not (row[0] == ELLIPSIS or _is_number(row[0])) or any(cell.startswith("#") for cell in row):
        return False
    return len(row) > 1 or NEXT_ROW.match(text, end + 1) is not None


def _nested_list(text: str, start: int, end: int) -> Any:
    """Return the list between two offsets of the text."""
    memory.require(BYTES_PER_NUMBER * (text.count(" ", start, end) + text.count("\n", start, end)), SMALLER_TEXT)
    lists: list[list[Any]] = [[]]  # the lists that are open, after the one that holds the result
    previous = ""
    for number, line in enumerate(text[start:end].splitlines(), text.count("\n", 0, start) + 1):
        column = 0
        for token in TOKENS.findall(line):
            column += token not in "[],"
            if len(lists) == 1 and lists[0]:
                raise ConvcliError(f"line {number}: {short_repr(token)} after the end of the array", "one array a file")
            if token == "[":
                if len(lists) > MAX_AXES:
                    raise ConvcliError(TOO_DEEP)
                lists[-1].append([])
                lists.append(lists[-1][-1])
            elif token == "]":
                lists.pop()
            elif token == ",":
                if previous in "[,":
                    raise ConvcliError(f"line {number}: no number before a comma", "a number, or nan")
            else:
                with located(f"line {number}, column {column}"):
                    lists[-1].append(_value(token))
            previous = token
    if len(lists) > 1:
        raise ConvcliError("the array does not end", f"{len(lists) - 1} more ]")
    return lists[0][0]


def _value(token: str) -> float | bool:
    """Return a number or truth value. Raises `ConvcliError` for anything else."""
    if token in BOOLEANS:
        return BOOLEANS[token]
    if token == ELLIPSIS:
        raise ConvcliError(
            "... leaves out numbers", "numpy.save keeps all; numpy.set_printoptions(threshold=sys.maxsize) prints all"
        )
    if not _is_number(token):
        raise ConvcliError(f"{short_repr(token)} is not a number", "numbers, as NumPy prints them")
    is_whole = token.lstrip("+-").isdigit()
    return int(token[:MAX_CHECKED_DIGITS]) if is_whole else float(token)


def _is_number(token: str) -> bool:
    if token in BOOLEANS:
        return True
    try:
        float(token)
    except ValueError:
        return False
    return "_" not in token  # Python accepts 1_000
