"""Follow the steps of a layer backwards from one of its values.

What a step does to make a value is a stage; stages are in the order in which they are computed. The sums of products
are computed by the code of the plain reference, so that they end in the value that the reference yields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import replace
from convcli.engine.algorithms.kernel_layout import correlation_kernel
from convcli.engine.explain.laid_out import LaidOut, lay_out_for, number_cells, patch_of_input
from convcli.engine.explain.stages import Cell, CopyStage, Patch, Stage
from convcli.engine.run_step import run_step
from convcli.model.planned_layer import PlannedLayer
from convcli.model.steps import Activate, Correlate, MoveAxes, Pad, Scale, Step
from convcli.model.window import Window


class Explainer:
    """The steps of one layer, run on one sample.

    `inputs` are the values that the layer takes, each `(1, *spatial, channels)`; `weights` are its arrays by name.
    Steps are numbered from 0. What several values need is computed once.
    """

    def __init__(self, layer: PlannedLayer, inputs: Sequence[Array], weights: Mapping[str, Array]) -> None:
        self.layer, self.inputs, self.weights = layer, tuple(inputs), weights
        self._step_inputs: dict[int, Array] = {}
        self._laid_out: dict[int, LaidOut] = {}
        self._kernels: dict[int, Array] = {}

    def stages(self, cell: Cell) -> tuple[Stage, ...]:
        """Return the stages that make the value at a cell of the layer's output, at least one."""
        if not self.layer.steps:
            return (CopyStage(self.layer.input_names[0], cell, value=self.inputs[0][0][cell]),)
        return tuple(self.stages_of(len(self.layer.steps) - 1, cell))

    def stages_of(self, index: int, cell: Cell) -> list[Stage]:
        """Return the stages that make a cell of what a step yields."""
        return explain_step(self.layer.steps[index], self, index, cell)

    def stages_before(self, index: int, cell: Cell) -> tuple[list[Stage], Any]:
        """Return the stages that make a cell of the step's input, and its value. A cell of an input has no stages."""
        if index == 0:
            return [], self.inputs[0][0][cell]
        stages = self.stages_of(index - 1, cell)
        return stages, stages[-1].value

    def step_input(self, index: int) -> Array:
        """Return all that a step reads, `(1, *spatial, channels)`. No step before it may be a correlation."""
        if index == 0:
            return self.inputs[0]
        if index not in self._step_inputs:
            step = self.layer.steps[index - 1]
            self._step_inputs[index] = run_step(step, [self.step_input(index - 1)], self.weights)
        return self._step_inputs[index]

    def kernel(self, index: int) -> Array:
        """Return the kernel of a correlation as it meets the input: `(*k, in/groups, filters)`."""
        if index not in self._kernels:
            step = self.layer.steps[index]
            assert isinstance(step, Correlate)
            self._kernels[index] = correlation_kernel(step, self.weights[step.kernel.name])
        return self._kernels[index]

    def patch(self, index: int, windows: Sequence[Window], position: Cell) -> Patch:
        """Return the cells under the windows of a step at one position, with all channels."""
        if index == 0:
            return patch_of_input(self.inputs[0], windows, position)
        return self.laid_out(index, windows).patch(windows, position)

    def laid_out(self, index: int, windows: Sequence[Window]) -> LaidOut:
        """Return all that a step reads, as its windows meet it."""
        if index not in self._laid_out:
            x = self.step_input(index)
            self._laid_out[index] = lay_out_for(windows, x, *self._inside_and_numbering(index, x))
        return self._laid_out[index]

    def _inside_and_numbering(self, index: int, x: Array) -> tuple[Array, Array | None]:
        """Return which cells of a step's input `x` are the layer's, and where they are there, if they are moved at all.

        The steps before a window are none, padding, or such as move axes; those that leave cells in place do not count.
        """
        earlier = [step for step in self.layer.steps[:index] if not isinstance(step, Activate | Scale)]
        if not earlier:
            return np.ones((1, *x.shape[1:-1], 1), bool), number_cells(x.shape[1:-1])
        if any(isinstance(step, MoveAxes) for step in earlier):
            return np.ones((1, *x.shape[1:-1], 1), bool), None
        (pad,) = earlier
        assert isinstance(pad, Pad)
        space = self.inputs[0].shape[1:-1]
        inside = run_step(replace(pad, mode="zeros"), [np.ones((1, *space, 1), bool)], {})
        return inside, run_step(pad, [number_cells(space)], {})


@singledispatch
def explain_step(step: Step, explainer: Explainer, index: int, cell: Cell) -> list[Stage]:
    """Return the stages that make a cell of what a step of the layer, the one at this index, yields."""
    raise NotImplementedError(type(step).__name__)
