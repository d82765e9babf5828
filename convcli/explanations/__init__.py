"""The working behind one value of a layer, as data."""

from convcli.explanations.following import Explainer

__all__ = ["Explainer"]
