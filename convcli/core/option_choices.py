"""Choices of options that several floors need, apart from the code behind them so that `--help` starts at once."""

from __future__ import annotations

COUNTS = ("macs", "flops", "detail")  # how `shape` counts multiplications
KERAS = "keras"  # the vocabulary of layers that is convcli's own
DIALECT_NAMES = (KERAS, "torch")  # whose layers are read
