"""The answers of `solve`: settings of a layer, or input sizes of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcli.analysis.input_sizes import AcceptedSizes, InputSizes, MatchingSizes, ranges_text
from convcli.analysis.layer_search import LayerSetting, PerAxis, SearchRequest, searched_ranges
from convcli.core.shapes import axis_names, format_extents
from convcli.model.window import Pair
from convcli.output.report import Report


class SettingsReport(Report):
    """The settings of one layer that turn an input of one size into an output of another."""

    kind = "layer_search"

    request: SearchRequest
    settings: tuple[LayerSetting, ...]

    def mapping(self) -> Any:
        return self.rows()

    def rows(self) -> list[dict[str, Any]]:
        return [self._row(setting) for setting in self.settings]

    def _row(self, setting: LayerSetting) -> dict[str, Any]:
        extra = {"output_padding": setting.output_padding and _one(setting.output_padding)}
        return {
            "kernel_size": _one(setting.kernel_size),
            "strides": _one(setting.strides),
            "padding": setting.padding if isinstance(setting.padding, str) else padding_of(setting.padding),
            "dilation_rate": _one(setting.dilation_rate),
            **(extra if self.request.transpose else {}),
            "output": _one(setting.output),
        }


def _one(values: PerAxis) -> int | list[int]:
    """Return a number for one axis, a list for several."""
    return values[0] if len(values) == 1 else list(values)


def padding_of(pairs: Sequence[Pair]) -> Any:
    """Return cells of padding: a number for each axis where both sides are equal, else `[[before, after], …]`."""
    if all(before == after for before, after in pairs):
        return _one(tuple(before for before, _ in pairs))
    return [list(pair) for pair in pairs]


def settings_report(
    request: SearchRequest, settings: Sequence[LayerSetting], closest: LayerSetting | None
) -> SettingsReport:
    """Return the settings that were found; where there are none, exit code 1 and a sentence about the closest."""
    if settings:
        return SettingsReport(request, tuple(settings))
    tried = searched_ranges(request)
    ranges = f" (of {tried})" if tried else ""
    sentence = f"No setting turns {format_extents(request.input)} into {format_extents(request.output)}{ranges}"
    if closest is None:
        return SettingsReport(request, (), exit_code=1, complaints=(f"{sentence}: no window fits.",))
    (row,) = SettingsReport(request, (closest,)).rows()
    values = ", ".join(f"{key} {value}" for key, value in row.items() if key != "output" and value is not None)
    complaint = f"{sentence}: the closest is {format_extents(closest.output)}, by {values}."
    return SettingsReport(request, (), exit_code=1, complaints=(complaint,))


class SizesReport(Report):
    """The input sizes that a model accepts, or that give a requested output, for each axis.

    `others` are the extents of the other axes, where the sizes along one axis depend on them.
    """

    kind = "input_sizes"

    name: str
    axes: tuple[AcceptedSizes | MatchingSizes, ...]
    others: tuple[int, ...] | None

    def mapping(self) -> Any:
        others = {} if self.others is None else {"others": list(self.others)}
        return {"axes": self.rows(), **others}

    def rows(self) -> list[dict[str, Any]]:
        return [_row(axis) for axis in self.axes]


def _row(axis: AcceptedSizes | MatchingSizes) -> dict[str, Any]:
    """Return what JSON shows of an axis; without a step, the sizes from `since` on repeat every `period` cells."""
    step = axis.step if isinstance(axis, AcceptedSizes) else None
    row = {"smallest": min(axis.sizes, default=None), "step": step, "accepted": list(axis.sizes)}
    if isinstance(axis, AcceptedSizes) and step is None:
        row |= {"since": axis.since, "period": axis.period}
    return row


def sizes_report(name: str, sizes: InputSizes, output: Sequence[int | None]) -> SizesReport:
    """Return the sizes that were found; where an axis has none, exit code 1 and a sentence about the closest."""
    complaints, axes = [], sizes.axes
    for axis_name, axis, requested in zip(axis_names(len(axes)), axes, output or [None] * len(axes), strict=True):
        if isinstance(axis, MatchingSizes) and not axis.sizes:
            near = " and ".join(f"{extent} (from {ranges_text(inputs)})" for extent, inputs in axis.near.items())
            closest = f"the closest are {near}" if len(axis.near) > 1 else f"the closest is {near}"
            complaints.append(f"{name}: no {axis_name} of the input gives {requested}: {closest}.")
    return SizesReport(name, axes, sizes.others, exit_code=1 if complaints else 0, complaints=tuple(complaints))
