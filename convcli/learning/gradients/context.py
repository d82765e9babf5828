"""The state that the steps of a network share during one pass over a batch, and the types of what they return."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.thread_pool import ThreadPool

Weights = Mapping[str, Array]  # the variables of one layer by name
# The gradients by each input of a step, None where it was not asked for, and by each of its weights by name.
Gradients = tuple[Sequence[Array | None], dict[str, Array]]
# A function of the gradient by a step's output, and of whether those by its inputs and by its weights are needed.
Backward = Callable[[Array, bool, bool], Gradients]


class PassContext:
    """The state that all steps share in one pass; each batch gets a new one.

    Args:
        workers: Shares out all work but matrix products.
        product_workers: Shares out matrix products, unless BLAS has threads of its own.
        training: Whether randomness and the statistics of the batch take part.
        seed: The numbers that all randomness of the pass follows from.

    `penalty` is what the steps have added to the loss so far.
    """

    def __init__(
        self, workers: ThreadPool, product_workers: ThreadPool, training: bool = False, seed: Sequence[int] = ()
    ) -> None:
        self.workers, self.product_workers = workers, product_workers
        self.training = training
        self.penalty = 0.0
        self._seed, self._generators = list(seed), 0

    def random(self) -> np.random.Generator:
        """Return a generator for one step; it follows from the seed and from how many steps have asked before."""
        self._generators += 1
        return np.random.default_rng([*self._seed, self._generators])


def without_weights(backward: Callable[[Array], Array]) -> Backward:
    """Return the `Backward` of a step with one input and no weights, from a function of the output's gradient."""

    def back(dy: Array, by_inputs: bool, by_weights: bool) -> Gradients:
        return (backward(dy) if by_inputs else None,), {}

    return back
