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
    """The settings that turn one size into another, as they are asked for and as they are answered."""

    kind = "layer_search"

    question: SearchRequest
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
            **(extra if self.question.transpose else {}),
            "output": _one(setting.output),
        }


def _one(values: PerAxis) -> int | list[int]:
    """A number for one axis, a list for several."""
    return values[0] if len(values) == 1 else list(values)


def padding_of(pairs: Sequence[Pair]) -> Any:
    """Cells around each axis: a number where both sides have as many, else `[[before, after], ...]`."""
    if all(before == after for before, after in pairs):
        return _one(tuple(before for before, _ in pairs))
    return [list(pair) for pair in pairs]


def settings(question: SearchRequest, found: Sequence[LayerSetting], nearest: LayerSetting | None) -> SettingsReport:
    """The answer: the settings, or where there are none what comes closest, and exit code 1."""
    if found:
        return SettingsReport(question, tuple(found))
    tried = searched_ranges(question)
    within = f" (of {tried})" if tried else ""
    asked = f"no setting turns {format_extents(question.input)} into {format_extents(question.output)}{within}"
    if nearest is None:
        sentence = f"{asked}: no window fits"
    else:
        report = SettingsReport(question, (nearest,))
        values = [f"{key} {value}" for key, value in report.rows()[0].items() if key != "output" and value is not None]
        sentence = f"{asked}: the closest is {format_extents(nearest.output)}, by {', '.join(values)}"
    return SettingsReport(question, (), exit_code=1, complaints=(f"{sentence[0].upper()}{sentence[1:]}.",))


class SizesReport(Report):
    """The input sizes that a model accepts, or that yield an output, axis by axis.

    `others` are the extents of the other axes, where what fits along one depends on them.
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
    """Without a step: what is repeated every `period` cells, from `since` on, if anything is."""
    step = axis.step if isinstance(axis, AcceptedSizes) else None
    row = {"smallest": min(axis.sizes, default=None), "step": step, "accepted": list(axis.sizes)}
    if isinstance(axis, AcceptedSizes) and step is None:
        row |= {"since": axis.since, "period": axis.period}
    return row


def sizes(name: str, found: InputSizes, output: Sequence[int | None]) -> SizesReport:
    """The answer: the sizes, or where an axis has none what comes closest, and exit code 1."""
    complaints, axes = [], found.axes
    for title, axis, wanted in zip(axis_names(len(axes)), axes, output or [None] * len(axes), strict=True):
        if isinstance(axis, MatchingSizes) and not axis.sizes:
            near = " and ".join(f"{made} (from {ranges_text(each)})" for made, each in axis.near.items())
            closest = f"the closest are {near}" if len(axis.near) > 1 else f"the closest is {near}"
            complaints.append(f"{name}: no {title} of the input gives {wanted}: {closest}.")
    return SizesReport(name, axes, found.others, exit_code=1 if complaints else 0, complaints=tuple(complaints))
