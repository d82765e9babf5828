"""Learning: gradient descent changes a model's weights until its outputs are close to the targets.

In the order of reading: `losses` and `optimizers` (the formulas), `gradients` (every step backward), `network` (a plan
forward and backward), `gradient_descent` (epochs and batches), `prepare_training` and `training` (from a user's arrays
to the result), `checkpoints` and `run_state` (how a run stops and resumes).
"""
