"""More than fits in memory: samples and tiles, one after the other, make what the whole would be."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given, reject
from hypothesis import strategies as st
from programs import UNET
from runs import prepared
from strategies import layers_in_any_order

import convcli as library
from convcli.core import memory
from convcli.core.errors import ConvcliError
from convcli.engine import memory_estimate, program
from convcli.engine import run_tiled as module
from convcli.engine.algorithms import pooling
from convcli.engine.run_tiled import TiledRun
from convcli.io import arrays, npy


def reserve_nothing(patch):
    """Let estimates of memory leave out what threads, prepared weights and pages of files take."""
    patch.setattr(memory_estimate, "SCRATCH_PER_THREAD", 0)
    patch.setattr(pooling, "scratch_bytes", lambda *_: 0)
    patch.setattr(memory, "FAULT_AROUND", 0)
    patch.setattr(program, "MOST_GROWTH", 0)


@pytest.fixture
def room(monkeypatch):
    """Sets how much memory there is, of which nothing is reserved."""
    reserve_nothing(monkeypatch)
    monkeypatch.setattr(module, "SHARE", 1)

    def set_room(most):
        monkeypatch.setattr(memory, "available", lambda: most)

    return set_room


def written(path, model, inputs, map_index=None, *, data_format=None, **options):
    """Return what a tiled run writes, how many samples it computes at a time, and how many tiles along each axis."""
    with prepared(model, inputs, data_format=data_format, **options) as run, open(path, "w+b") as stream:
        tiled = TiledRun(run, data_format or model.data_format, map_index)
        tiled.write(stream)
    return np.load(path), tiled._samples, [len(spans) for spans in tiled._tiles]


def test_samples_then_tiles(room, tmp_path):
    model = library.load(UNET)
    x = np.random.default_rng(0).integers(-9, 9, (5, 32, 48, 2)).astype(float)
    whole = library.apply(model, x, seed=0)
    seen = []
    for most in (1 << 30, 2_000_000, 400_000, 190_000):
        room(most)
        found, samples, tiles = written(tmp_path / "y.npy", model, {"input": x}, seed=0)
        np.testing.assert_allclose(found, whole, rtol=1e-12, atol=1e-12)
        seen.append((samples, *tiles))
    assert seen[0] == (5, 1, 1)
    assert 1 < seen[1][0] < 5
    assert seen[2][0] == seen[3][0] == 1
    assert 1 < seen[2][1] * seen[2][2] < seen[3][1] * seen[3][2]


@pytest.mark.parametrize("kind", ["float32", "int16", ">f8", "uint8"])
@pytest.mark.parametrize("fortran", [False, True])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_a_file_of_any_type_and_order(room, tmp_path, monkeypatch, kind, fortran, data_format):
    monkeypatch.setattr(npy, "MIN_MAPPED_BYTES", 0)
    x = np.random.default_rng(0).integers(0, 99, (2, 3, 30, 20) if data_format == "channels_first" else (2, 30, 20, 3))
    np.save(tmp_path / "x.npy", np.asarray(x.astype(kind), order="F" if fortran else "C"))
    model = library.load(["Conv2D(2, 3, padding='same')"], data_format=data_format)
    whole = library.apply(model, x.astype(kind), seed=0)
    room(20_000)
    mapped = arrays.load_input(str(tmp_path / "x.npy"), model.data_format)
    assert isinstance(mapped, npy.MappedArray)
    found, samples, tiles = written(tmp_path / "y.npy", model, {"input": mapped}, seed=0)
    assert (found.dtype, found.shape) == (whole.dtype, whole.shape)
    np.testing.assert_allclose(found, whole, rtol=1e-5 if kind == "float32" else 1e-12, atol=1e-4)
    assert (samples, max(tiles) > 1) == (1, True)


def test_as_many_channels_as_cells(room, tmp_path):
    model = library.load(["Conv2D(8, 3, padding='same')"], data_format="channels_first")
    x = np.random.default_rng(0).normal(size=(2, 1, 8, 8))
    room(4000)
    found, *_ = written(tmp_path / "y.npy", model, {"input": x}, seed=0)
    np.testing.assert_allclose(found, library.apply(model, x, seed=0), rtol=1e-12, atol=1e-12)


@given(layers_in_any_order, st.integers(0, 1), st.sampled_from([1500, 4000, 12000]))
def test_any_layer_in_parts_is_the_layer_or_is_refused(tmp_path_factory, case, place, most):
    layer, shape = case
    model = library.load([layer])
    x = np.random.default_rng(0).normal(size=(2, *shape))
    whole = library.apply(model, x, seed=0)
    place = place if place < whole.shape[-1] else None
    with pytest.MonkeyPatch.context() as patch:
        reserve_nothing(patch)
        patch.setattr(memory, "available", lambda: most)
        try:
            found, *_ = written(tmp_path_factory.mktemp("y") / "y.npy", model, {"input": x}, place, seed=0)
        except ConvcliError:
            reject()  # even the smallest tiles need more
    expected = whole if place is None else whole[..., place : place + 1]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_what_needs_the_whole_sample_is_refused_with_the_figure(room):
    model = library.load(["Conv2D(4, 3)", "GlobalAveragePooling2D()", "Dense(2)"])
    room(100_000)
    with (
        prepared(model, {"input": np.ones((1, 100, 100, 1))}, seed=0) as run,
        pytest.raises(ConvcliError, match=r"^needs .* of memory, .* is free \(fewer threads"),
    ):
        TiledRun(run, model.data_format)


PEAK = """
import os, sys
child = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-m", "convcli", *sys.argv[1:]])
_, status, usage = os.wait4(child, 0)
print(usage.ru_maxrss * 1024 if status == 0 else -status)
"""


def test_a_run_stays_within_its_memory(tmp_path):
    shape = (3, 2000, 4000, 1)
    x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", "float32", shape)
    x[:, ::7, ::5] = np.arange(3).reshape(3, 1, 1, 1) - 1.5
    x.flush()
    layers = ("-l", "Conv2D(4, 3, padding='same', activation='relu')", "-l", "MaxPooling2D(2)", "--seed", "0")
    arguments = ("apply", tmp_path / "x.npy", *layers, "--max-memory", "128MiB", "-o", tmp_path / "y.npy")
    command = [sys.executable, "-c", PEAK, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, check=True, text=True, env=environment, timeout=120)
    assert 0 < int(done.stdout) < 128 << 20
    whole = library.apply(library.load(list(layers[1:4:2])), x, seed=0)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), whole)
