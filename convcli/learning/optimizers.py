"""Optimizers: how the weights follow their gradients. Names, defaults and formulas are those of Keras 3.

An optimizer works on one flat array of all weights. To add one, write a class and enter it in `OPTIMIZERS`.
"""

from __future__ import annotations

from math import sqrt
from typing import ClassVar

from convcli.core.lazy_imports import Array, np


class Optimizer:
    """A rule that changes weights by their gradient.

    `updates` counts the changes so far. `state` holds the flat arrays that the rule keeps from one update to the next,
    each as long as the weights.
    """

    name: ClassVar[str]
    default_learning_rate: ClassVar[float]
    takes_momentum: ClassVar[bool] = True
    EPSILON: ClassVar[float] = 1e-7  # keeps quotients finite

    def __init__(self, learning_rate: float, momentum: float, size: int, dtype: np.dtype[np.floating]) -> None:
        self.learning_rate, self.momentum = learning_rate, momentum
        self.updates = 0
        self.state = tuple(np.zeros(size, dtype) for _ in range(self.state_count(momentum)))
        self._spare = np.empty(size, dtype)

    @classmethod
    def state_count(cls, momentum: float) -> int:
        """Return how many arrays the state has."""
        raise NotImplementedError

    def update(self, weights: Array, gradient: Array) -> None:
        """Change the weights in place. The gradient's memory is used for intermediate values."""
        self.updates += 1
        self._apply(weights, gradient)

    def _apply(self, weights: Array, gradient: Array) -> None:
        raise NotImplementedError


class SGD(Optimizer):
    """Stochastic gradient descent: weights + v, where v = momentum·v - rate·gradient."""

    name, default_learning_rate = "sgd", 0.01

    @classmethod
    def state_count(cls, momentum: float) -> int:
        return 1 if momentum else 0

    def _apply(self, weights: Array, gradient: Array) -> None:
        gradient *= self.learning_rate
        if self.momentum:
            (velocity,) = self.state
            velocity *= self.momentum
            velocity -= gradient
            weights += velocity
        else:
            weights -= gradient


class RMSprop(Optimizer):
    """weights - m, where m = momentum·m + rate·gradient / sqrt(v + epsilon).

    v is a moving average of gradient². Tieleman and Hinton, 2012, "Lecture 6.5: rmsprop".
    """

    name, default_learning_rate = "rmsprop", 0.001
    RHO: ClassVar[float] = 0.9

    @classmethod
    def state_count(cls, momentum: float) -> int:
        return 2 if momentum else 1

    def _apply(self, weights: Array, gradient: Array) -> None:
        mean_square, spare = self.state[0], self._spare
        mean_square *= self.RHO
        np.multiply(gradient, gradient, out=spare)
        spare *= 1 - self.RHO
        mean_square += spare
        np.add(mean_square, self.EPSILON, out=spare)
        np.sqrt(spare, out=spare)
        gradient *= self.learning_rate
        gradient /= spare
        if self.momentum:
            velocity = self.state[1]
            velocity *= self.momentum
            velocity += gradient
            weights -= velocity
        else:
            weights -= gradient


class Adam(Optimizer):
    """weights - rate·sqrt(1 - beta_2^t) / (1 - beta_1^t) · m / (sqrt(v) + epsilon) in update t, from 1.

    m and v are moving averages of gradient and gradient². Kingma and Ba, 2015, "Adam: A Method for Stochastic
    Optimization", in the form at the end of section 2.
    """

    name, default_learning_rate = "adam", 0.001
    takes_momentum = False
    BETA_1: ClassVar[float] = 0.9
    BETA_2: ClassVar[float] = 0.999

    @classmethod
    def state_count(cls, momentum: float) -> int:
        return 2

    def _apply(self, weights: Array, gradient: Array) -> None:
        (mean, mean_square), spare = self.state, self._spare
        rate = self.learning_rate * sqrt(1 - self.BETA_2**self.updates) / (1 - self.BETA_1**self.updates)
        np.subtract(gradient, mean, out=spare)
        spare *= 1 - self.BETA_1
        mean += spare
        gradient *= gradient
        gradient -= mean_square
        gradient *= 1 - self.BETA_2
        mean_square += gradient
        np.sqrt(mean_square, out=spare)
        spare += self.EPSILON
        np.divide(mean, spare, out=spare)
        spare *= rate
        weights -= spare


OPTIMIZERS: dict[str, type[Optimizer]] = {optimizer.name: optimizer for optimizer in (Adam, SGD, RMSprop)}
