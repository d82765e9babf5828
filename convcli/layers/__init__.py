"""Every layer. To add one, write a record in the module of its kind: it registers itself."""

from convcli.layers import (
    activations,
    convolutional,
    merging,
    normalization,
    pooling,
    regularization,
    reshaping,
)
from convcli.layers.base import LAYERS, Layer, normalised, number
from convcli.layers.convolutional import Kernelled

__all__ = [
    "LAYERS",
    "Kernelled",
    "Layer",
    "activations",
    "convolutional",
    "merging",
    "normalised",
    "normalization",
    "number",
    "pooling",
    "regularization",
    "reshaping",
]
