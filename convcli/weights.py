"""Every weight of a plan: from a weights file, from the model, or drawn."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from math import prod, sqrt
from zlib import crc32

import numpy as np

from convcli import arrays, batches
from convcli._lazy import Array
from convcli.errors import ConvcliError, check_size, located
from convcli.geometry import shape_text
from convcli.model import Plan, Row
from convcli.steps import Weight

Stored = Mapping[str, Array]


def load(name: str) -> dict[str, Array]:
    """A weights file: arrays by `LAYER/VARIABLE`. Raises `ConvcliError`, naming the file."""
    return arrays.load_all(name)


def bind(
    plan: Plan, stored: Stored | None, seed: int | None, dtype: str, source: str = "weights"
) -> dict[str, dict[str, Array]]:
    """The variables of each layer, by layer and name, in the type that the work is done in.

    A weight comes from `stored`, else from the model, else it is drawn by `seed` as Keras does. Raises `ConvcliError`
    where it has none of the three, or a wrong shape; keys of `stored` that no layer wants are a warning.
    """
    stored = stored or {}
    rows = [row for row in plan.rows if not row.node.shares]
    wanted = (_key(row, weight) for row in rows for weight in row.weights)
    matched = {key: found for key in wanted if (found := _stored_key(key, stored)) is not None}
    bound = {row.name: _bind_layer(row, stored, matched, seed, dtype, source, plan.model.source) for row in rows}
    used = set(matched.values())
    for key in stored:
        if key not in used:
            warnings.warn(f"{source}: no layer wants {key}", stacklevel=2)
    return bound


def _key(row: Row, weight: Weight) -> str:
    return f"{row.name}/{weight.name}"


def _stored_key(key: str, stored: Stored) -> str | None:
    """The key under which a weights file holds a variable: its own, or the one path that ends in it.

    Keras's paths begin with the model's name in a Sequential model: `sequential/conv2d/kernel`.
    """
    if key in stored:
        return key
    longer = [each for each in stored if each.endswith(f"/{key}")]
    return longer[0] if len(longer) == 1 else None


def _bind_layer(
    row: Row,
    stored: Stored,
    matched: Mapping[str, str],
    seed: int | None,
    dtype: str,
    source: str,
    model: str | None,
) -> dict[str, Array]:
    values = {}
    for weight in row.weights:
        if not weight.required:
            continue
        with located(row.where), located(weight.name):
            check_size(prod(weight.extents))
        key = _key(row, weight)
        if key in matched:
            with located(source), located(matched[key]):
                value = _shaped(batches.to_float(stored[matched[key]]), weight)
        elif weight.name in row.node.given:
            with located(model or row.where), located(f"{row.name}/{weight.name}"):
                value = row.node.given[weight.name].fill(weight.extents)
        elif seed is not None:
            value = _drawn(weight, np.random.default_rng([seed, crc32(key.encode())]))
        else:
            raise _missing(row, weight, model)
        values[weight.name] = np.ascontiguousarray(value, dtype).reshape(weight.extents)
    return values


def _shaped(value: Array, weight: Weight) -> Array:
    if value.shape != weight.shape:
        raise ConvcliError(f"shape {shape_text(value.shape)}", f"{shape_text(weight.shape)} here")
    return value


def _missing(row: Row, weight: Weight, model: str | None) -> ConvcliError:
    error = ConvcliError(
        f"no values for {weight.name} {shape_text(weight.shape)}",
        "--weights FILE, --seed N, or the values in the model",
    )
    error.where += [each for each in (model, row.where) if each]
    return error


def _drawn(weight: Weight, generator: np.random.Generator) -> Array:
    """Glorot and Bengio, 2010: uniform within sqrt(6 / (fan in + fan out)); or the number that fills the weight."""
    shape = weight.extents
    if weight.initial != "glorot_uniform":
        return np.full(shape, weight.initial)
    field = prod(shape[:-2])
    limit = sqrt(6 / (field * (shape[-2] + shape[-1])))
    return generator.uniform(-limit, limit, shape)
