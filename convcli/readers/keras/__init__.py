"""Models that Keras 2 and Keras 3 wrote.

`files` has the readers. Each returns what `model_mapping` makes of the model's JSON: the graphs of layers, models
within models, and layers that are called several times become one flat list of layers. Nothing in a file is run: a
layer that convcli does not have is an error.
"""
