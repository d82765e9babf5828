"""Runs a plan on arrays: operations fused and prepared once, buffers used again."""

from convcli.engine.program import MANY, Program, Watch

__all__ = ["MANY", "Program", "Watch"]
