"""Turns reports into bytes: one module for each output format, and `formats`, the table of them."""
