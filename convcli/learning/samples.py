"""The samples that training sees: inputs and targets as arrays that the network and the losses take."""

from __future__ import annotations

from collections.abc import Mapping

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record


class Samples(Record):
    """Inputs and targets by name, equally many samples of each, with channels last."""

    inputs: Mapping[str, Array]
    targets: Mapping[str, Array]

    @property
    def count(self) -> int:
        """The number of samples."""
        return len(next(iter(self.inputs.values())))

    def select(self, indices: Array | slice) -> Samples:
        """Return the samples at these positions, as a batch."""
        inputs = {name: array[indices] for name, array in self.inputs.items()}
        return Samples(inputs, {name: array[indices] for name, array in self.targets.items()})


def check_finite(inputs: Mapping[str, Array], labels: Mapping[str, str]) -> None:
    """Raise `ConvcliError` where an input, which messages call by its label, holds NaN or infinity."""
    for name, array in inputs.items():
        if not np.isfinite(array).all():
            raise ConvcliError(f"{labels.get(name, name)}: holds NaN or infinity", "finite numbers to learn from")


def training_count(samples: int, validation_split: float) -> int:
    """Return how many samples, the first ones, are trained on; the others are for validation.

    As in Keras, it is the whole part of samples·(1 - validation_split). Raises `ConvcliError` where either part would
    be empty.
    """
    count = int(samples * (1 - validation_split)) if validation_split else samples
    if not 0 < count <= samples or (validation_split and count == samples):
        parts = f"{count} to learn from and {samples - count} for validation"
        raise ConvcliError(
            f"validation_split {validation_split:g} of {samples} samples: {parts}", "at least one of each"
        )
    return count
