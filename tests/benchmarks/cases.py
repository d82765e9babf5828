"""The cases that are measured: single layers from every corner of the field, and three networks."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from convcli.core.records import Record, field


class Case(Record):
    """One layer on one input. Shapes are channels last, without the samples."""

    name: str
    description: str
    layer: str
    input_shape: tuple[int, ...]
    options: dict[str, Any] = field(factory=dict)
    samples: int = 1

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.input_shape) - 1

    @property
    def spec(self) -> list[Any]:
        """The model, as convcli reads it."""
        return [{self.layer: {**self.options, **({} if "pool" in self.layer else {"use_bias": False})}}]

    def option(self, name: str, default: int) -> int:
        """Return an option that is one number for all axes."""
        return int(self.options.get(name, default))

    @property
    def padding(self) -> int:
        """The cells of padding on either side of every axis."""
        padding = self.options.get("padding", 0)
        if padding == "same":
            return self.option("dilation_rate", 1) * (self.option("kernel_size", 1) - 1) // 2
        return int(padding)

    @property
    def kernel_shape(self) -> tuple[int, ...] | None:
        """The shape of Keras's kernel; None for pooling.

        (*window, in/groups, filters), transposed (*window, filters, in), depthwise (*window, in, 1).
        """
        if "pool" in self.layer:
            return None
        size = (self.option("kernel_size", 1),) * self.rank
        channels = self.input_shape[-1]
        if "depthwise" in self.layer:
            return (*size, channels, 1)
        filters = self.option("filters", 1)
        if "transpose" in self.layer:
            return (*size, filters, channels)
        return (*size, channels // self.option("groups", 1), filters)

    def arrays(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the input, (samples, *space, channels), and the kernel, normally distributed float32."""
        generator = np.random.default_rng(0)
        x = generator.standard_normal((self.samples, *self.input_shape), np.float32)
        shape = self.kernel_shape
        if shape is None:
            return x, None
        scale = np.float32(1 / np.sqrt(prod(shape[:-1])))
        return x, generator.standard_normal(shape, np.float32) * scale


def conv(name: str, description: str, shape: tuple[int, ...], filters: int, size: int, **options: Any) -> Case:
    """Return a convolution with as many axes as the shape has."""
    options = {"filters": filters, "kernel_size": size, **options}
    return Case(name, description, f"conv{len(shape) - 1}d", shape, options)


CASES = (
    conv("img3", "4096², 1 channel, 3×3", (4096, 4096, 1), 1, 3),
    conv("img15", "4096², 1 channel, 15×15", (4096, 4096, 1), 1, 15),
    conv("img3rgb", "4096², 3 → 3, 3×3", (4096, 4096, 3), 3, 3),
    conv("vgg1", "224², 64 → 64, 3×3 same", (224, 224, 64), 64, 3, padding="same"),
    conv("vgg3", "56², 256 → 256, 3×3 same", (56, 56, 256), 256, 3, padding="same"),
    conv("vgg5", "14², 512 → 512, 3×3 same", (14, 14, 512), 512, 3, padding="same"),
    conv("pw14", "14², 1024 → 256, 1×1", (14, 14, 1024), 256, 1),
    conv("img5", "4096², 1 channel, 5×5", (4096, 4096, 1), 1, 5),
    conv("stem", "224², 3 → 64, 7×7 stride 2", (224, 224, 3), 64, 7, strides=2, padding=3),
    conv("pw", "56², 256 → 64, 1×1", (56, 56, 256), 64, 1),
    Case(
        "dw", "56², depthwise 256, 3×3 same", "depthwise_conv2d", (56, 56, 256), {"kernel_size": 3, "padding": "same"}
    ),
    conv("grp", "56², 128 → 128, 32 groups, 3×3 same", (56, 56, 128), 128, 3, groups=32, padding="same"),
    conv("dil", "112², 64 → 64, 3×3 dilation 2 same", (112, 112, 64), 64, 3, dilation_rate=2, padding="same"),
    conv("c1d", "160,000, 1 → 40, 400 stride 160", (160_000, 1), 40, 400, strides=160),
    conv("c1dlong", "1,000,000, 1 channel, 1025", (1_000_000, 1), 1, 1025),
    conv("c3d", "32³, 32 → 32, 3×3×3 same", (32, 32, 32, 32), 32, 3, padding="same"),
    Case(
        "tr",
        "56², transposed 64 → 32, 4×4 stride 2",
        "conv2d_transpose",
        (56, 56, 64),
        {"filters": 32, "kernel_size": 4, "strides": 2, "padding": 1},
    ),
    Case("maxpool", "224², 64 channels, 2×2 stride 2", "max_pooling2d", (224, 224, 64), {"pool_size": 2, "strides": 2}),
    Case(
        "avgpool",
        "224², 64 channels, 3×3 stride 2",
        "average_pooling2d",
        (224, 224, 64),
        {"pool_size": 3, "strides": 2},
    ),
)

# The cases by what limits their speed.
BOUND = {
    "compute": ("img15", "img3rgb", "vgg1", "vgg3", "vgg5", "pw", "pw14", "c1d", "c1dlong", "c3d"),
    "patches": ("stem", "grp", "dil", "tr"),
    "memory": ("img3", "img5", "dw", "maxpool", "avgpool"),
}
TOY = conv("toy", "8×8, 1 channel, 3×3", (8, 8, 1), 1, 3)
NETWORKS = ("VGG16", "ResNet50", "MobileNetV2")
