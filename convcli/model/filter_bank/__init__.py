"""The bank of hand-made filters, by name: `sobel-x`, `gaussian:size=5,sigma=1.2`."""

from convcli.model.filter_bank.bank import FILTERS, GRADIENTS, Recipe
from convcli.model.filter_bank.lookup import (
    Filter,
    filter_suggestion,
    find,
    is_known,
    is_magnitude,
    magnitude_parts,
    names,
    not_linear,
    rank_of,
)
from convcli.model.filter_bank.values import normalize, normalizer, value_sum

__all__ = [
    "FILTERS",
    "GRADIENTS",
    "Filter",
    "Recipe",
    "filter_suggestion",
    "find",
    "is_known",
    "is_magnitude",
    "magnitude_parts",
    "names",
    "normalize",
    "normalizer",
    "not_linear",
    "rank_of",
    "value_sum",
]
