"""Every layer. To add one, write a record in the module of its kind: it registers itself."""

from convcli.model.layers import (
    activations,
    convolutional,
    merging,
    normalization,
    padding,
    pooling,
    regularization,
    reshaping,
    unknown,
)
from convcli.model.layers.arguments import activation_name, real_number
from convcli.model.layers.base import LAYERS, TRAINING_ONLY, Layer, canonical_name, snake_case
from convcli.model.layers.kernel_layer import KernelLayer
from convcli.model.layers.unknown import UNKNOWN, UnknownLayer

__all__ = [
    "LAYERS",
    "TRAINING_ONLY",
    "UNKNOWN",
    "KernelLayer",
    "Layer",
    "UnknownLayer",
    "activation_name",
    "activations",
    "canonical_name",
    "convolutional",
    "merging",
    "normalization",
    "padding",
    "pooling",
    "real_number",
    "regularization",
    "reshaping",
    "snake_case",
    "unknown",
]
