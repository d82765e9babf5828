"""Maps and filters as grids with titles, layer by layer and sample by sample: what a heatmap and a PNG draw."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record
from convcli.core.shapes import format_shape
from convcli.output.render.slices import slices_2d
from convcli.output.report import Report
from convcli.output.report.apply import ApplyReport, Kernels, Maps
from convcli.output.report.filters import FiltersReport


class TitledMap(Record):
    """A map, or a slice of one, as a grid of `(height, width)` values."""

    title: str
    grid: Array


class MapGroup(Record):
    """The maps of one sample. An empty title is not shown."""

    title: str
    maps: tuple[TitledMap, ...]


class MapSection(Record):
    """The maps, or the filters, of one layer or group."""

    title: str
    groups: tuple[MapGroup, ...]

    @property
    def count(self) -> int:
        """The number of maps."""
        return sum(len(group.maps) for group in self.groups)

    def maps(self) -> Iterator[TitledMap]:
        """Yield all maps, one sample after the other."""
        for group in self.groups:
            yield from group.maps


def map_sections(report: Report) -> list[MapSection]:
    """Return a section for each layer of a report: its maps, or its filters if they were requested.

    Raises `ConvcliError` if the report has neither.
    """
    if isinstance(report, FiltersReport):
        return _bank_sections(report)
    if not isinstance(report, ApplyReport):
        raise ConvcliError("there are no maps in this answer", "-f table, json, yaml or csv")
    if not report.shows_weights:
        return [_section(report, maps) for maps in report.maps]
    sections = [_filter_section(kernels) for kernels in report.kernels if kernels.is_spatial]
    if not sections:
        raise ConvcliError("no layer has filters to draw", "without --show-weights: the maps")
    return sections


def _filter_section(kernels: Kernels) -> MapSection:
    grids = ((title, grid) for name, array in kernels.grids(kernels.names) for title, grid in slices_2d(name, array))
    titled = tuple(TitledMap(title, np.atleast_2d(grid)) for title, grid in grids)
    return MapSection(f"{kernels.layer}: filters", (MapGroup("", titled),))


def _bank_sections(report: FiltersReport) -> list[MapSection]:
    """Return a section for each group of filters, in which those of one size follow each other.

    Several filters are each divided by their largest magnitude: a Gaussian is not seen beside a Laplacian otherwise.
    """
    sections = []
    for group, filters in itertools.groupby(report.filters, lambda filter_: filter_.group):
        by_size: dict[tuple[int, ...], list[TitledMap]] = {}
        for filter_ in filters:
            values = np.atleast_2d(np.array(filter_.values, float))
            if len(report.filters) > 1:
                values /= abs(values).max() or 1
            titled = (TitledMap(title, grid) for title, grid in slices_2d(filter_.name, values))
            by_size.setdefault(values.shape, []).extend(titled)
        sections.append(MapSection(group, tuple(MapGroup("", tuple(maps)) for maps in by_size.values())))
    return sections


def sheet_title(report: Report) -> str:
    """Return the title of all sections of a report."""
    if isinstance(report, FiltersReport):
        return "Filters, each divided by its largest magnitude" if len(report.filters) > 1 else "Filter"
    return str(report.summary["name"]) if isinstance(report, ApplyReport) else ""


def _section(report: ApplyReport, maps: Maps) -> MapSection:
    shape = (maps.array.shape[0], *report.data_format.from_channels_last(maps.array.shape[1:]))
    samples = [tuple(_grids(sample, maps.names)) for sample in maps.array]
    if len(samples) == 1:
        groups = [MapGroup("", samples[0])]
    elif len(samples[0]) == 1:  # one map a sample: all of them in one group, which is drawn in rows
        titled = (TitledMap(f"sample {number}", only.grid) for number, (only,) in enumerate(samples))
        groups = [MapGroup("", tuple(titled))]
    else:
        groups = [MapGroup(f"sample {number}", grids) for number, grids in enumerate(samples)]
    return MapSection(f"{maps.layer}: output {format_shape(shape)}", tuple(groups))


def _grids(sample: Array, names: tuple[str, ...]) -> Iterator[TitledMap]:
    """Yield the grids of a sample of shape `(*space, channels)`.

    A map with one spatial axis becomes one row, and one with three becomes its slices. A sample without spatial axes
    becomes one row of all its values.
    """
    if sample.ndim == 1:
        yield TitledMap(names[0] if len(names) == 1 else "values", sample[None])
        return
    for channel, name in enumerate(names):
        for title, grid in slices_2d(name, sample[..., channel]):
            yield TitledMap(title, np.atleast_2d(grid))
