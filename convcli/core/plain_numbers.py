"""NumPy's numbers as Python's."""

from __future__ import annotations

import sys
from typing import Any


def plain_numbers(value: Any) -> Any:
    """Return a value with Python's numbers for NumPy's, in lists, tuples and dicts as well. Arrays stay as they are.

    NumPy is not imported: where it is not, there are no numbers of it.

    >>> import numpy
    >>> plain_numbers((numpy.int64(3), numpy.float32(0.5), None))
    (3, 0.5, None)
    """
    if type(value) in (list, tuple):
        return type(value)(map(plain_numbers, value))
    if type(value) is dict:
        return {key: plain_numbers(item) for key, item in value.items()}
    numpy = sys.modules.get("numpy")
    return value.item() if numpy is not None and isinstance(value, numpy.number | numpy.bool_) else value
