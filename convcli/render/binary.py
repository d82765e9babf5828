"""NPY and NPZ: the output alone, as arrays."""

from __future__ import annotations

import io

import numpy as np

from convcli._lazy import Array
from convcli.batches import from_batch
from convcli.errors import ConvcliError
from convcli.render import PLAIN, Look
from convcli.report import Report
from convcli.report.apply import ApplyReport


def npy(report: Report, look: Look = PLAIN) -> bytes:
    """The output as an NPY file."""
    applied = _applied(report)
    applied.output_alone("npy")
    (array,) = _arrays(applied).values()
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    return b"".join((header.getvalue(), array.data.cast("B")))  # one copy of the array, where np.save makes several


def npz(report: Report, look: Look = PLAIN) -> bytes:
    """Each output, or with all layers each layer's, keyed by its layer's name."""
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:  # numpy.savez takes no array of the name `file`
        for name, array in _arrays(_applied(report)).items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return stream.getvalue()


def _applied(report: Report) -> ApplyReport:
    if not isinstance(report, ApplyReport):
        raise ConvcliError("there is no array in this answer", "-f table, json, yaml or csv")
    return report


def _arrays(report: ApplyReport) -> dict[str, Array]:
    return {maps.layer: np.ascontiguousarray(from_batch(maps.array, report.data_format)) for maps in report.maps}
