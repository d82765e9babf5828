"""Explain how a value of a layer comes about: the cells and weights that it is made of, stage by stage.

The modules beside `explainer` register how they explain each kind of step.
"""

from convcli.engine.explain import correlation, elementwise, pooling, rearrangement
from convcli.engine.explain.explainer import Explainer

__all__ = ["Explainer", "correlation", "elementwise", "pooling", "rearrangement"]
