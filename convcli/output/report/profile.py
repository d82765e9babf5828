"""The answer of `apply --profile`: the time of each layer, its work, and its share of what the machine can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convcli.core.shapes import DataFormat
from convcli.engine.profile import LayerTime, Profile
from convcli.engine.run import Run
from convcli.output.report import Report
from convcli.output.report.apply import algorithm_of
from convcli.output.report.shape import SummaryOptions, summary

MOSTLY = 0.5  # of the time: a run that is so near to a limit, or has so much of its time there, is bound by it
TIMES = ("ms", "gflops", "bytes", "share")


class ProfileReport(Report):
    """The answer of `apply --profile`: the summary with the actual batch size, and the times of a run.

    `algorithms` names, for each layer that correlates, the algorithms that did it.
    """

    kind = "profile"

    summary: dict[str, Any]
    profile: Profile
    algorithms: Mapping[str, tuple[str, ...]]

    def mapping(self) -> dict[str, Any]:
        layers = [
            {
                **layer,
                **algorithm_of(layer, self.algorithms),
                **self._times(self.profile.layers[layer["name"]]),
            }
            for layer in self.summary["layers"]
        ]
        limits = self.profile.limits
        return {
            **self.summary,
            "ms": 1e3 * self.profile.seconds,
            "runs": self.profile.runs,
            "bound_by": self.bound_by,
            "limits": {"gflops": limits.flops / 1e9, "gigabytes_per_second": limits.bytes / 1e9},
            "layers": layers,
        }

    def _times(self, time: LayerTime) -> dict[str, Any]:
        if time.fused_into is not None:
            return {**dict.fromkeys(TIMES), "fused_into": time.fused_into}
        seconds, least = time.seconds, self.profile.limits.least_seconds(time.flops, time.moved)
        return {
            "ms": 1e3 * seconds,
            "gflops": time.flops / seconds / 1e9 if time.flops and seconds else None,
            "bytes": time.moved,
            "share": least / seconds if seconds else None,
            "fused_into": None,
        }

    @property
    def least_seconds(self) -> tuple[float, float]:
        """The least times of the layers that products bound, and of those that memory bounds, in sum."""
        limits, products, memory = self.profile.limits, 0.0, 0.0
        for time in self.profile.layers.values():
            least = limits.least_seconds(time.flops, time.moved)
            if least > time.moved / limits.bytes:
                products += least
            else:
                memory += least
        return products, memory

    @property
    def bound_by(self) -> str:
        """The limit that the run is near to: `products` or `memory`, else `overhead`."""
        products, memory = self.least_seconds
        if products + memory < MOSTLY * self.profile.seconds:
            return "overhead"
        return "products" if products >= memory else "memory"


def profile_report(run: Run, profile: Profile, data_format: DataFormat) -> ProfileReport:
    """Return the report of a profile of a run."""
    shapes = summary(run.plan, data_format, SummaryOptions(run.batch.size))
    return ProfileReport(summary=shapes, profile=profile, algorithms=run.program.algorithms_used)
