"""Every activation of Keras 3, and those of PyTorch: a name alone stands for one with its default parameters.

An activation takes an array of any shape and returns one; those that work along an axis take `axis`. To add one, write
it with its derivative or gradient, each under its decorator. Layers, training, command line and messages read the
register.
"""

from convcli.model.activations import along_axis, pointwise
from convcli.model.activations.apply import apply_in_place, clip_limit, input_gradient
from convcli.model.activations.registry import ACTIVATIONS, parameter_defaults, works_along_axis

__all__ = [
    "ACTIVATIONS",
    "along_axis",
    "apply_in_place",
    "clip_limit",
    "input_gradient",
    "parameter_defaults",
    "pointwise",
    "works_along_axis",
]
