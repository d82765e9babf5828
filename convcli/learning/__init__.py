"""Filters that learn: gradients step by step, losses, optimizers, and the loop that brings them together."""
