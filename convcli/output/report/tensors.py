"""The answer of `shape` for a file of weights without layers: what it holds."""

from __future__ import annotations

from math import prod
from typing import Any

from convcli.core.records import Record
from convcli.output.report import Report


class TensorRow(Record):
    """A tensor of a file: its name, shape and PyTorch's dtype."""

    name: str
    shape: tuple[int, ...]
    dtype: str


class TensorsReport(Report):
    """The tensors of a file of weights, in its order; `title` names the file."""

    kind = "tensors"

    title: str
    tensors: tuple[TensorRow, ...]

    @property
    def params(self) -> int:
        """The number of values in all tensors."""
        return sum(prod(tensor.shape) for tensor in self.tensors)

    def mapping(self) -> dict[str, Any]:
        return {"tensors": self.rows(), "params": self.params}

    def rows(self) -> list[dict[str, Any]]:
        return [{"name": tensor.name, "shape": list(tensor.shape), "dtype": tensor.dtype} for tensor in self.tensors]
