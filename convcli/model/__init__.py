"""The model: windows, steps, layers, the graph that they form, and its plan on inputs of known shape."""
