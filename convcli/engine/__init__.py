"""Runs a plan on arrays: operations fused and prepared once, buffers used again."""
