"""Steps of training alone; in all else they are the identity, and layers leave them out."""

from __future__ import annotations

from typing import Literal

from convcli.model.steps.base import Step


class Noise(Step):
    """Add chance to every value in training.

    The kinds:
        dropout: 0 at a rate of `amount`, the rest divided by 1 - amount
        alpha_dropout: the dropout of self-normalizing networks
        gaussian_dropout: times numbers around 1 with variance amount/(1 - amount)
        gaussian_noise: plus numbers around 0 with standard deviation `amount`

    Along `shared` axes all cells get the same.
    """

    kind: Literal["dropout", "alpha_dropout", "gaussian_dropout", "gaussian_noise"]
    amount: float
    shared: tuple[int, ...] = ()


class Penalty(Step):
    """Add l1·Σ|x| + l2·Σx² of each sample to the loss in training."""

    l1: float
    l2: float
