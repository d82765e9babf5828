"""Every step is in each table that is keyed by steps, or is left to the default of that table.

A step that is added to `convcli/model/steps/` makes these tests fail until each table has been thought of.
"""

from __future__ import annotations

import pytest

from convcli.analysis import derivation
from convcli.core.shapes import DataFormat
from convcli.engine.explain import stages
from convcli.engine.explain.explainer import explain_step
from convcli.engine.restrict_step import restrict_step
from convcli.engine.run_step import run_step
from convcli.learning.gradients import DIFFERENTIABLE
from convcli.model import steps
from convcli.model.layers.regularization import ActivityRegularization, Dropout, GaussianNoise, SpatialDropout2D
from convcli.model.steps import (
    Activate,
    ChangeShape,
    Correlate,
    GlobalPool,
    MoveAxes,
    MoveBlocks,
    Noise,
    Normalize,
    NormalizeLocally,
    Opaque,
    Pad,
    Penalty,
    Pool,
    Resize,
    Scale,
)
from convcli.output.render.stage_lines import stage_line
from convcli.output.report import explain as explain_report
from convcli.output.report import page_formulas


def subclasses(module, base):
    """Return the classes of a module that derive from `base`, without `base` itself."""
    classes = {value for value in vars(module).values() if isinstance(value, type) and issubclass(value, base)}
    return classes - {base}


STEPS = subclasses(steps, steps.Step)
STAGES = subclasses(stages, stages.Stage)
TRAINING_ONLY = {Noise, Penalty}  # a layer yields these only for training
NEVER_RUN = {Opaque, *TRAINING_ONLY}  # not by the engine

# For each table its entries, and the steps without an entry.
STEP_TABLES = {
    "run": (run_step.registry, {Correlate, Pool, *NEVER_RUN}),  # correlation and pooling have algorithms
    "tiles": (restrict_step.registry, {GlobalPool, ChangeShape, *NEVER_RUN}),  # these need the whole input
    "explain": (explain_step.registry, NEVER_RUN),
    "gradients": (DIFFERENTIABLE, {Opaque}),
    "derivation": (  # these leave sizes as they are
        derivation.sizes.registry,
        {Activate, MoveAxes, Normalize, NormalizeLocally, Scale, *TRAINING_ONLY},
    ),
    # Values that only move are data of the page, not code; the page computes neither interpolation nor statistics.
    "page": (
        page_formulas.step_formula.registry,
        {ChangeShape, MoveAxes, MoveBlocks, Normalize, NormalizeLocally, Pad, Resize, *NEVER_RUN},
    ),
}
STAGE_TABLES = {
    "json": explain_report.stage_mapping.registry,
    "line": stage_line.registry,
}


def test_every_step_class_is_exported_by_the_package():
    assert set(steps.Step.__subclasses__()) == STEPS


def test_layers_yield_the_steps_of_training_only_for_training():
    layers = [Dropout(0.5), SpatialDropout2D(0.5), GaussianNoise(0.1), ActivityRegularization(0.1)]
    shape = (4, 4, 2)
    assert [layer.steps([shape], DataFormat.CHANNELS_LAST) for layer in layers] == [()] * 4
    assert {type(step) for layer in layers for step in layer.training_steps(shape)} == TRAINING_ONLY


@pytest.mark.parametrize("table", STEP_TABLES)
def test_every_step_is_in_the_table_or_left_to_its_default(table):
    entries, by_default = STEP_TABLES[table]
    assert STEPS & set(entries) == STEPS - by_default


@pytest.mark.parametrize("table", STAGE_TABLES)
def test_every_stage_of_an_explanation_is_shown(table):
    assert set(STAGE_TABLES[table]) >= STAGES
