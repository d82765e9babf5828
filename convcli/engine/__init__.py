"""Run a plan on arrays.

`linearize` lists the steps of a plan in order, `fusion` joins them into operations, `prepare` chooses algorithms and
lays out weights, and `program` runs the operations. `tiling` cuts a program down to a tile of its result. `run` and
`run_tiled` bind weights and inputs to a model and run it, as a whole or in parts.
"""
