"""Compare the window that each cell claims to see with the input cells whose change changes it, on random models.

    python tests/tools/perturbation.py --models 2000

Prints each model in which a cell depends on input outside of its window, and exits with 1 if there is one. A window may
be too large: a flattened cell sees all by convention, and a mask of zeros may hide a cell. Two conventions are exempt:
statistics of normalisations are not counted, and a branch through global pooling or a flatten does not count beside
another, so that no model here has both that and a merge.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import convcli
from convcli.analysis.cell_window import windows_at
from convcli.model.plan import make_plan

NOT_COUNTED = {  # layers whose statistics are not part of a window
    *("LayerNormalization", "GroupNormalization", "InstanceNorm1D", "InstanceNorm2D", "InstanceNorm3D"),
    *("RMSNormalization", "LocalResponseNorm"),
}
TRIALS = 3  # with other numbers, as a maximum or a ReLU hides changes

# Each layer as a function of a source of random numbers; many do not fit where they are put, and are drawn again.
ANY_RANK = (
    lambda random: f"Dense(2, axis={random.choice([1, 2, 3, -1])})",
    lambda random: f"Activation('{random.choice(['tanh', 'softmax', 'relu', 'glu'])}')",
    lambda random: f"Softmax({random.choice([1, 2, 3, [1, 2], -1])})",
    lambda random: f"PReLU(shared_axes={random.choice([[1], [], [1, 2]])})",
    lambda random: f"BatchNormalization(axis={random.choice([1, 2, -1])})",
    lambda random: f"Softmin({random.choice([1, 2, -1])})",
    lambda random: "Normalization(mean=1, variance=2)",
    lambda random: "Rescaling(2, 1)",
    lambda random: "LayerScale(0.5)",
    lambda random: "Dropout(0.5)",
    lambda random: f"ChannelShuffle({random.choice([2, 3])})",
    lambda random: (
        f"Permute({random.choice([(1, 2), (2, 1), (1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)])})"
    ),
)
OF_RANK = (
    lambda random, rank: (
        f"Conv{rank}D(2, {_each(random, rank, 1, 3)}, {_window(random, rank)}, "
        f"padding_mode='{random.choice(['zeros', 'zeros', 'reflect', 'symmetric', 'replicate', 'circular'])}')"
    ),
    lambda random, rank: (
        f"Conv{rank}DTranspose(2, {_each(random, rank, 1, 3)}, {_window(random, rank, 'valid', 'same')})"
    ),
    lambda random, rank: f"DepthwiseConv{rank}D({_each(random, rank, 1, 3)}, {_window(random, rank)})",
    lambda random, rank: f"SeparableConv{rank}D(2, {_each(random, rank, 1, 3)}, {_window(random, rank)})",
    lambda random, rank: f"MaxPooling{rank}D({_each(random, rank, 1, 3)}, {_each(random, rank, 1, 2)}, ceil_mode=True)",
    lambda random, rank: f"AveragePooling{rank}D({_each(random, rank, 1, 3)}, 1, padding='same')",
    lambda random, rank: f"LPPool{rank}D(2, {_each(random, rank, 1, 3)}, 1)",
    lambda random, rank: f"AdaptiveMaxPooling{rank}D({_each(random, rank, 2, 4)})",
    lambda random, rank: f"AdaptiveAveragePooling{rank}D({_each(random, rank, 2, 4)})",
    lambda random, rank: f"ZeroPadding{rank}D({random.randint(0, 2)})",
    lambda random, rank: (
        f"{random.choice(['Reflection', 'Replication', 'Circular'])}Pad{rank}D({random.randint(0, 2)})"
    ),
    lambda random, rank: f"Cropping{rank}D({random.randint(0, 1)})",
    lambda random, rank: f"UpSampling{rank}D({random.randint(1, 3)})",
    lambda random, rank: (
        f"Upsample(scale_factor={random.choice([1.5, 2, 0.7])}, "
        f"mode='{random.choice(['nearest', 'linear', 'bilinear', 'bicubic'])}')"
    ),
    lambda random, rank: f"UpSampling2D(2, interpolation='{random.choice(['bilinear', 'bicubic', 'lanczos3'])}')",
    lambda random, rank: f"ConstantPad{rank}D({random.randint(0, 2)}, 1.5)",
    lambda random, rank: f"PixelShuffle({random.randint(1, 2)})",
    lambda random, rank: f"PixelUnshuffle({random.randint(1, 2)})",
)
TO_THE_WHOLE = (
    lambda random, rank: f"GlobalAveragePooling{rank}D(keepdims=True)",
    lambda random, rank: f"GlobalMaxPooling{rank}D()",
    lambda random, rank: "Flatten()",
    lambda random, rank: f"AdaptiveMaxPooling{rank}D(1)",
    lambda random, rank: f"Reshape({random.choice([(-1, 2), (-1, 4), (2, -1, 2), (4, -1, 1), (-1,)])})",
    lambda random, rank: f"FlattenAxes({random.choice(['1, 2', '2, 3', '1, -1'])})",
)
MERGES = (
    *("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Hypot", "CustomScaleLayer"),
    *("Concatenate", "Interleave"),
)


def _each(random: Random, rank: int, least: int, most: int) -> tuple[int, ...]:
    return tuple(random.randint(least, most) for _ in range(rank))


def _window(random: Random, rank: int, *paddings: str) -> str:
    """Return strides, padding and dilation; one of the latter two is 1 more often than not."""
    padding = random.choice(paddings or ("valid", "same", "same_lower", "full"))
    strides, dilations = _each(random, rank, 1, 2), _each(random, rank, 1, 2)
    return f"strides={strides}, padding='{padding}', dilation_rate={dilations}"


def random_model(random: Random) -> tuple[convcli.Model, tuple[int, ...], list[str]]:
    """Return a model of a few layers that fit each other, the shape of its input, and its layers as text."""
    rank = random.choice([1, 2, 2, 2])
    shape = (*(random.randint(3, 6) for _ in range(rank)), random.choice([1, 2, 4]))
    branched = random.random() < 0.6
    layers: list[str] = []
    model: convcli.Model | None = None
    for _ in range(60):
        layer = random_layer(random, rank, [f"l{index}" for index in range(len(layers))], branched)
        tried = [
            *layers,
            f"{layer[:-1]}{'' if layer.endswith('(') or layer[-2] == '(' else ', '}name='l{len(layers)}')",
        ]
        try:
            grown = convcli.load({"input": list(shape), "layers": tried})
            output = make_plan(grown, {"input": shape}).layers[-1].output_shape
        except convcli.ConvcliError:
            continue
        if np.prod(output) <= 3000:
            layers, model = tried, grown
        if len(layers) == 4:
            break
    assert model is not None
    return model, shape, layers


def random_layer(random: Random, rank: int, names: list[str], branched: bool) -> str:
    """Return a layer in the call form; a merge takes two of the named layers and the input."""
    if branched and names and random.random() < 0.4:
        operands = random.sample(["input", *names], 2) if random.random() < 0.9 else [names[-1], names[-1]]
        axis = random.choice([1, 2, -1])
        merge = random.choice(MERGES)
        own = {"CustomScaleLayer": "0.5, ", "Concatenate": f"{axis}, ", "Interleave": f"{axis}, "}.get(merge, "")
        return f"{merge}({own}inputs={operands})"
    if not branched and random.random() < 0.15:
        return random.choice(TO_THE_WHOLE)(random, rank)
    return random.choice(ANY_RANK)(random) if random.random() < 0.4 else random.choice(OF_RANK)(random, rank)


def too_small(model: convcli.Model, shape: tuple[int, ...], seed: int) -> Iterator[str]:
    """Yield a line for each output cell that depends on input outside of its window."""
    plan = make_plan(model, {"input": shape})
    (output,) = plan.output_shapes.values()
    space = tuple(output[:-1])
    if not space:  # a flat output sees the whole
        return
    depends = dependence(model, shape, seed)
    for cell in np.ndindex(*space):
        (windows,) = (windows_at(plan, cell)[name]["window"] for name in model.outputs)
        for axis, window in enumerate(windows):
            other_axes = tuple(other for other in range(len(shape) - 1) if other != axis)
            seen = np.flatnonzero(depends[cell].any(other_axes))
            first, last = window or (shape[axis], -1)
            unknown = window is None and _left_open(plan, model.outputs[0], axis)
            if len(seen) and not unknown and (seen[0] < first or seen[-1] > last):
                yield f"cell {cell}, axis {axis}: window {window}, but it depends on {seen.tolist()}"


def _left_open(plan: Any, name: str, axis: int) -> bool:
    """Return whether the field of a value along an axis is not known, or the axis lies among the channels."""
    field = plan.receptive_fields[name]["input"][axis]
    rank = len(plan.shapes[name]) - 1
    return field == "unknown" or (hasattr(field, "axis") and field.axis >= rank)


def dependence(model: convcli.Model, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Return whether each output cell depends on each input cell: `(*output space, *input space)`."""
    plan = make_plan(model, {"input": shape})
    generator = np.random.default_rng(seed)
    cells = int(np.prod(shape))
    result: np.ndarray = np.zeros(())
    for _ in range(TRIALS):
        weights = {
            f"{layer.name}/{weight.name}": generator.uniform(0.5, 1, weight.shape)
            for layer in plan.layers
            for weight in layer.weights
        }
        x = generator.normal(size=shape)
        changes = np.eye(cells).reshape(cells, *shape) * generator.choice([-2.0, 2.0], size=(cells, *[1] * len(shape)))
        outputs = convcli.apply(model, np.concatenate([x[None], x + changes]), weights=weights, dtype="float64")
        outputs = outputs.reshape(len(outputs), *outputs.shape[1:])
        changed = (np.abs(outputs[1:] - outputs[:1]) > 1e-12 * (1 + np.abs(outputs[:1]))).any(-1)
        by_cell = changed.reshape(*shape, *outputs.shape[1:-1]).any(len(shape) - 1)
        by_output = np.moveaxis(by_cell, range(len(shape) - 1), range(-len(shape) + 1, 0))
        result = by_output | result.astype(bool)
    return result


def main() -> int:
    """Try so many random models, from a seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    failed = 0
    for number in range(options.seed, options.seed + options.models):
        model, shape, layers = random_model(Random(number))
        lines = list(too_small(model, shape, number))
        if lines:
            failed += 1
            print(f"{number}: input {shape}, {layers}\n  {lines[0]} ({len(lines)} in all)", flush=True)
    print(f"{failed} of {options.models} models have a window that is too small")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
