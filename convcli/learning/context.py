"""One way through a network and back: what all its steps share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.threads import Team

Weights = Mapping[str, Array]
# What goes back from a step: the gradient by each of its inputs, and by each of its weights by name.
Gradients = tuple[Sequence[Array | None], dict[str, Array]]
# How a step takes the gradient of its output back; told whether its inputs and whether its weights want theirs.
Back = Callable[[Array, bool, bool], Gradients]


class PassContext:
    """Set up anew for each batch.

    `training` says that chance and statistics of the batch are at work; `seed` is what that chance follows from.
    `multiplying` shares out matrix products, `team` all else.
    """

    def __init__(self, team: Team, multiplying: Team, training: bool = False, seed: Sequence[int] = ()) -> None:
        self.team, self.multiplying = team, multiplying
        self.training = training
        self.penalty = 0.0  # what steps have added to the loss
        self._seed, self._drawn = list(seed), 0

    def random(self) -> np.random.Generator:
        """Chance for one step, which follows from the seed and from how many steps have asked."""
        self._drawn += 1
        return np.random.default_rng([*self._seed, self._drawn])
