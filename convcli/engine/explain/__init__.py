"""The working behind one value of a layer, as data."""

from convcli.engine.explain.follow import Explainer

__all__ = ["Explainer"]
