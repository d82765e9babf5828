"""NPY and NPZ: what an answer holds as arrays."""

from __future__ import annotations

import io

import numpy as np

from convcli.io.arrays import packed
from convcli.output.render import PLAIN, Look
from convcli.output.report import Report


def npy(report: Report, look: Look = PLAIN) -> bytes:
    """The one array as an NPY file."""
    found = report.arrays()
    report.check_alone("npy")
    (array,) = found.values()
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    return b"".join((header.getvalue(), array.data.cast("B")))  # one copy of the array, where np.save makes several


def npz(report: Report, look: Look = PLAIN) -> bytes:
    """Each array by its name."""
    return packed(report.arrays())
