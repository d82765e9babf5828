"""Choices of options that several floors need, apart from the code behind them so that `--help` starts at once."""

from __future__ import annotations

COUNTS = ("macs", "flops", "detail")  # how `shape` counts multiplications
