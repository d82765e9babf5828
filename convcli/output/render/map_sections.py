"""What pictures of maps show, whatever they are drawn with: the maps of a layer as titled grids, sample by sample."""

from __future__ import annotations

from collections.abc import Iterator

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record
from convcli.core.shapes import shape_text
from convcli.output.report import Report
from convcli.output.report.apply import ApplyReport, Maps


class Titled(Record):
    """A map, or a slice of one, as (height, width) values."""

    title: str
    grid: Array


class Group(Record):
    """The maps of one sample. A title that is empty is not shown."""

    title: str
    maps: tuple[Titled, ...]


class Section(Record):
    """The maps of one layer."""

    title: str
    groups: tuple[Group, ...]

    @property
    def count(self) -> int:
        """How many maps there are."""
        return sum(len(group.maps) for group in self.groups)

    def maps(self) -> Iterator[Titled]:
        """All maps, one sample after the other."""
        for group in self.groups:
            yield from group.maps


def sections(report: Report) -> list[Section]:
    """A section for each layer. Raises `ConvcliError` where the report has no maps."""
    if not isinstance(report, ApplyReport):
        raise ConvcliError("there are no maps in this answer", "-f table, json, yaml or csv")
    return [_section(report, maps) for maps in report.maps]


def _section(report: ApplyReport, maps: Maps) -> Section:
    shape = (maps.array.shape[0], *report.data_format.from_last(maps.array.shape[1:]))
    samples = [tuple(_grids(sample, maps.names)) for sample in maps.array]
    if len(samples) == 1:
        groups = [Group("", samples[0])]
    elif len(samples[0]) == 1:  # so many maps in a row, rather than so many rows of one
        groups = [Group("", tuple(Titled(f"sample {place}", one.grid) for place, (one,) in enumerate(samples)))]
    else:
        groups = [Group(f"sample {place}", grids) for place, grids in enumerate(samples)]
    return Section(f"{maps.layer}: output {shape_text(shape)}", tuple(groups))


def _grids(sample: Array, names: tuple[str, ...]) -> Iterator[Titled]:
    """(*spatial, channels) -> grids: each map, a row if it has one axis, its slices if it has three; or all values."""
    if sample.ndim == 1:
        yield Titled(names[0] if len(names) == 1 else "values", sample[None])
        return
    for channel, name in enumerate(names):
        one = sample[..., channel]
        if one.ndim == 1:
            yield Titled(name, one[None])
        elif one.ndim == 2:
            yield Titled(name, one)
        else:
            for place in np.ndindex(*one.shape[:-2]):
                yield Titled(f"{name}, depth {'·'.join(map(str, place))}", one[place])
