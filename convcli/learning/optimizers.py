"""Optimizers: how weights follow their gradients. Names, defaults and formulas are Keras's.

Each works on one flat array of all weights. To add one, write the class and enter it in `OPTIMIZERS`.
"""

from __future__ import annotations

from math import sqrt
from typing import ClassVar

from convcli.core.lazy_imports import Array, np


class Optimizer:
    """What all share: a learning rate, the number of updates, and arrays that go with the weights."""

    name: ClassVar[str]
    rate: ClassVar[float]  # the learning rate, unless another is asked for
    takes_momentum: ClassVar[bool] = True
    EPSILON: ClassVar[float] = 1e-7

    def __init__(self, learning_rate: float, momentum: float, size: int, dtype: np.dtype[np.floating]) -> None:
        self.learning_rate, self.momentum = learning_rate, momentum
        self.updates = 0
        self.state = tuple(np.zeros(size, dtype) for _ in range(self.arrays(momentum)))
        self._spare = np.empty(size, dtype)

    @classmethod
    def arrays(cls, momentum: float) -> int:
        """How many arrays it keeps."""
        raise NotImplementedError

    def update(self, weights: Array, gradient: Array) -> None:
        """Change the weights in place. The gradient is spent thereafter."""
        self.updates += 1
        self._change(weights, gradient)

    def _change(self, weights: Array, gradient: Array) -> None:
        raise NotImplementedError


class SGD(Optimizer):
    """w + v, where v = momentum·v - rate·g."""

    name, rate = "sgd", 0.01

    @classmethod
    def arrays(cls, momentum: float) -> int:
        return 1 if momentum else 0

    def _change(self, weights: Array, gradient: Array) -> None:
        gradient *= self.learning_rate
        if self.momentum:
            (velocity,) = self.state
            velocity *= self.momentum
            velocity -= gradient
            weights += velocity
        else:
            weights -= gradient


class RMSprop(Optimizer):
    """w - m, where m = momentum·m + rate·g / sqrt(v + epsilon) and v runs after g². Tieleman and Hinton, 2012."""

    name, rate = "rmsprop", 0.001
    RHO: ClassVar[float] = 0.9

    @classmethod
    def arrays(cls, momentum: float) -> int:
        return 2 if momentum else 1

    def _change(self, weights: Array, gradient: Array) -> None:
        velocity, spare = self.state[0], self._spare
        velocity *= self.RHO
        np.multiply(gradient, gradient, out=spare)
        spare *= 1 - self.RHO
        velocity += spare
        np.add(velocity, self.EPSILON, out=spare)
        np.sqrt(spare, out=spare)
        gradient *= self.learning_rate
        gradient /= spare
        if self.momentum:
            gathered = self.state[1]
            gathered *= self.momentum
            gathered += gradient
            weights -= gathered
        else:
            weights -= gradient


class Adam(Optimizer):
    """w - rate·sqrt(1 - b2^t)/(1 - b1^t)·m / (sqrt(v) + epsilon); m and v run after g and g². Kingma and Ba, 2015."""

    name, rate = "adam", 0.001
    takes_momentum = False
    BETA_1: ClassVar[float] = 0.9
    BETA_2: ClassVar[float] = 0.999

    @classmethod
    def arrays(cls, momentum: float) -> int:
        return 2

    def _change(self, weights: Array, gradient: Array) -> None:
        (mean, square), spare = self.state, self._spare
        rate = self.learning_rate * sqrt(1 - self.BETA_2**self.updates) / (1 - self.BETA_1**self.updates)
        np.subtract(gradient, mean, out=spare)
        spare *= 1 - self.BETA_1
        mean += spare
        gradient *= gradient
        gradient -= square
        gradient *= 1 - self.BETA_2
        square += gradient
        np.sqrt(square, out=spare)
        spare += self.EPSILON
        np.divide(mean, spare, out=spare)
        spare *= rate
        weights -= spare


OPTIMIZERS: dict[str, type[Optimizer]] = {each.name: each for each in (Adam, SGD, RMSprop)}
