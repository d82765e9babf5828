"""Reports of feature maps for tests of what shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from convcli.core.shapes import DataFormat
from convcli.output.report.apply import ApplyReport, Maps

SUMMARY = {
    "name": "some [bold]name[/bold] :smile:",
    "data_format": "channels_last",
    "input_shape": [None, 4, 1],
    "output_shape": [None, 2, 1],
    "params": 924844032,
    "trainable_params": 924844032,
    "non_trainable_params": 0,
    "macs": None,
    "dtype": "float32",
    "weight_bytes": 3699376128,
    "peak_activation_bytes": None,
    "peak_activation_layer": None,
    "layers": [
        {
            "name": "a" * 60,
            "type": "Conv1D",
            "inputs": ["input"],
            "output_shape": [None, 2, 1],
            "kernel_shape": [3, 1, 1],
            "params": 924844032,
            "macs": None,
            "receptive_field": [3, None],
            "jump": [0.5, None],
        }
    ],
}


def map_report(*outputs: Any, names: Sequence[str] = (), dtype: str = "float64", **fields: Any) -> ApplyReport:
    """Return a report of the outputs of layers `layer0`, `layer1`, …, each `(batch, *spatial, channels)`.

    The maps are called `map 0`, `map 1`, … unless `names` names them; `fields` are further fields of the report.
    """
    arrays = [np.asarray(output, dtype) for output in outputs]
    maps = tuple(
        Maps(f"layer{index}", array, tuple(names) or tuple(f"map {channel}" for channel in range(array.shape[-1])))
        for index, array in enumerate(arrays)
    )
    return ApplyReport(SUMMARY, maps=maps, **{"data_format": DataFormat.CHANNELS_LAST, **fields})
