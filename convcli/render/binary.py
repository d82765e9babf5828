"""NPY and NPZ: the output alone, as arrays."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.arrays import from_batch
from convcli.errors import ConvcliError
from convcli.report import ApplyReport, Report


def npy(report: Report, colour: bool = False) -> bytes:
    """The output as an NPY file."""
    named = _arrays(report)
    if len(named) > 1:
        raise ConvcliError("npy holds one output", "-o X.npz for all, or --layer-output NAME for one")
    stream = io.BytesIO()
    np.save(stream, next(iter(named.values())))
    return stream.getvalue()


def npz(report: Report, colour: bool = False) -> bytes:
    """Each output, or with all layers each layer's, keyed by its layer's name."""
    stream = io.BytesIO()
    named: Any = _arrays(report)
    np.savez(stream, **named)
    return stream.getvalue()


def _arrays(report: Report) -> dict[str, NDArray[Any]]:
    if not isinstance(report, ApplyReport):
        raise ConvcliError("there is no array in this answer", "-f table, json, yaml or csv")
    return {maps.layer: np.ascontiguousarray(from_batch(maps.array, report.data_format)) for maps in report.maps}
