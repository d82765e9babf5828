"""`.keras` archives, which hold a configuration and weights."""

from __future__ import annotations

import pytest
from file_bytes import npy_bytes, zip_bytes

from convcli.core.errors import ConvcliError
from convcli.io import keras_archive


@pytest.mark.parametrize(
    ("content", "result"),
    [
        (zip_bytes({"config.json": b"{}"}), True),
        (zip_bytes({"a.npy": npy_bytes([1])}), False),
        (b"PK\x03\x04", False),  # a broken zip file
        (b"{}", False),
    ],
)
def test_an_archive_is_told_by_its_configuration(content, result):
    assert keras_archive.is_keras_archive(content) is result


def test_a_file_of_the_archive_is_read_by_name():
    content = zip_bytes({"config.json": b"{}", "metadata.json": b"[]"})
    assert keras_archive.read_member(content, "config.json") == b"{}"


def test_a_missing_file_is_an_error():
    with pytest.raises(ConvcliError, match=r"^the archive holds no model\.weights\.h5 \(what model\.save writes\)$"):
        keras_archive.read_member(zip_bytes({"config.json": b"{}"}), "model.weights.h5")
