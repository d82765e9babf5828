"""Answers without data: planning, costs, input sizes, layer search, derivations."""
