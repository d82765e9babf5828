"""Every activation of Keras 3 that a name alone stands for (`threshold`, which needs arguments, is not among them).

An activation takes an array of any shape and returns one; those that work along an axis take `axis`. To add one, write
it with its derivative or gradient, each under its decorator. Layers, training, command line and messages read the
register.
"""

from convcli.model.activations import along_axis, pointwise
from convcli.model.activations.apply import apply_in_place, clip_limit, input_gradient
from convcli.model.activations.registry import ACTIVATIONS, works_along_axis

__all__ = [
    "ACTIVATIONS",
    "along_axis",
    "apply_in_place",
    "clip_limit",
    "input_gradient",
    "pointwise",
    "works_along_axis",
]
