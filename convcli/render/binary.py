"""NPY and NPZ: the output alone, or filters of the bank, as arrays."""

from __future__ import annotations

import io

import numpy as np

from convcli._lazy import Array
from convcli.batches import from_batch
from convcli.errors import ConvcliError
from convcli.render import PLAIN, Look
from convcli.report import Report
from convcli.report.apply import ApplyReport
from convcli.report.filters import FiltersReport


def npy(report: Report, look: Look = PLAIN) -> bytes:
    """The output as an NPY file."""
    holding = _holding(report)
    holding.output_alone("npy")
    (array,) = _arrays(holding).values()
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    return b"".join((header.getvalue(), array.data.cast("B")))  # one copy of the array, where np.save makes several


def npz(report: Report, look: Look = PLAIN) -> bytes:
    """Each output, or with all layers each layer's, keyed by its layer's name; each filter by its own."""
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:  # numpy.savez takes no array of the name `file`
        for name, array in _arrays(_holding(report)).items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return stream.getvalue()


def _holding(report: Report) -> ApplyReport | FiltersReport:
    if not isinstance(report, ApplyReport | FiltersReport):
        raise ConvcliError("there is no array in this answer", "-f table, json, yaml or csv")
    return report


def _arrays(report: ApplyReport | FiltersReport) -> dict[str, Array]:
    if isinstance(report, FiltersReport):
        return {each.name: np.array(each.values, float) for each in report.filters}
    return {maps.layer: np.ascontiguousarray(from_batch(maps.array, report.data_format)) for maps in report.maps}
