"""NPY and NPZ: the arrays of a report."""

from __future__ import annotations

import io

import numpy as np

from convcli.io.npy import encode_npz
from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.report import Report


def render_npy(report: Report, style: TextStyle = PLAIN) -> bytes:
    """Return the report's one array as an NPY file. Raises `ConvcliError` if it has none or several."""
    arrays = report.arrays()
    report.check_alone("npy")
    (array,) = arrays.values()
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    return b"".join((header.getvalue(), array.data.cast("B")))  # copies the array once; np.save copies it several times


def render_npz(report: Report, style: TextStyle = PLAIN) -> bytes:
    """Return the report's arrays by name as an NPZ file. Raises `ConvcliError` if it has none."""
    return encode_npz(report.arrays())
