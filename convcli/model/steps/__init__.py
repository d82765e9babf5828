"""The closed set of steps that every layer is made of.

A step is a plan in whole numbers. It says which shape it makes, which weights it reads, what it costs and what each of
its cells sees; it holds no arrays. Layers yield steps; costs, engine, explanations and learning read steps. Shapes are
those of one sample with channels last, `(*spatial, channels)`; axes count from 0 in that order.
"""

from convcli.model.steps.activations import Activate
from convcli.model.steps.base import Step, Weight
from convcli.model.steps.correlation import Correlate
from convcli.model.steps.merging import Merge
from convcli.model.steps.normalization import Normalize, NormalizeLocally, Numbers, Scale
from convcli.model.steps.opaque import Opaque
from convcli.model.steps.pooling import AdaptivePool, GlobalPool, Pool
from convcli.model.steps.regularization import Noise, Penalty
from convcli.model.steps.reshaping import ChangeShape, MoveAxes, MoveBlocks, Pad, Resize

__all__ = [
    "Activate",
    "AdaptivePool",
    "ChangeShape",
    "Correlate",
    "GlobalPool",
    "Merge",
    "MoveAxes",
    "MoveBlocks",
    "Noise",
    "Normalize",
    "NormalizeLocally",
    "Numbers",
    "Opaque",
    "Pad",
    "Penalty",
    "Pool",
    "Resize",
    "Scale",
    "Step",
    "Weight",
]
