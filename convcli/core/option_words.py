"""What can be asked for in `shape`: how multiplications are counted, and in which type memory is."""

from __future__ import annotations

COUNTS = ("macs", "flops", "detail")
BYTES = {"float32": 4, "float64": 8, "float16": 2, "bfloat16": 2, "int8": 1}  # of a number, by type
