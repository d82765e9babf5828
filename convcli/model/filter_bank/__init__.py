"""The bank of hand-made filters, by name: `sobel-x`, `gaussian:size=5,sigma=1.2`."""

from convcli.model.filter_bank.bank import FILTERS, Filter, Recipe, filter_suggestion, find, is_known, names, rank_of
from convcli.model.filter_bank.values import normalize, normalizer, value_sum

__all__ = [
    "FILTERS",
    "Filter",
    "Recipe",
    "filter_suggestion",
    "find",
    "is_known",
    "names",
    "normalize",
    "normalizer",
    "rank_of",
    "value_sum",
]
