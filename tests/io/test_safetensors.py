"""Safetensors files, whole and damaged."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import safetensors.numpy

from convcli.core.errors import ConvcliError
from convcli.io.safetensors import decode

KERNEL = np.arange(3.0).reshape(3, 1, 1)


def safetensors_bytes(dtype, shape, data):
    header = json.dumps({"kernel": {"dtype": dtype, "shape": shape, "data_offsets": [0, len(data)]}}).encode()
    return len(header).to_bytes(8, "little") + header + data


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int64", "uint16", "bool"])
def test_arrays_come_back_by_name_as_they_were(dtype):
    arrays = {"conv1d/kernel": KERNEL.astype(dtype), "conv1d/bias": np.ones(2, dtype)}
    decoded = dict(decode(safetensors.numpy.save(arrays)))
    assert decoded.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(decoded[name], array, strict=True)


def test_bfloat16_is_widened():
    bits = (KERNEL.astype("<f4").view("<u4") >> 16).astype("<u2")
    ((_, array),) = decode(safetensors_bytes("BF16", KERNEL.shape, bits.tobytes()))
    np.testing.assert_array_equal(array, KERNEL.astype("float32"), strict=True)


def test_other_numbers_are_an_error():
    with pytest.raises(ConvcliError, match=r"^kernel: F8_E4M3 values \(one of F16, F32, F64, I8, .*BOOL, BF16\)$"):
        list(decode(safetensors_bytes("F8_E4M3", [3], bytes(3))))


@pytest.mark.parametrize("content", [b"", b"abc", (9).to_bytes(8, "little") + b"{}", (2).to_bytes(8, "little") + b"[]"])
def test_a_broken_file_is_an_error(content):
    with pytest.raises(ConvcliError, match=r"^broken safetensors file: "):
        list(decode(content))


def test_without_the_library_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ConvcliError) as caught:
        list(decode(b""))
    assert str(caught.value) == "needs safetensors (pip install 'convcli[safetensors]')"
