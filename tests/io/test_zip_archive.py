"""Zip archives: their content is bounded before it is decompressed, whatever they claim."""

from __future__ import annotations

import io
import tracemalloc
import zipfile

import numpy as np
import pytest
from file_bytes import npy_bytes

from convcli.core.errors import ConvcliError
from convcli.io import arrays, keras_archive, weights_file, zip_archive

LISTED_SIZE = slice(24, 28)  # of a file, in an entry of the archive's directory


def archive(*files, method=zipfile.ZIP_DEFLATED, listed=None):
    """Return a zip file of names and bytes, whose directory gives the size of the last one as `listed`."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as file:
        for name, content in files:
            file.writestr(name, content)
    content = bytearray(stream.getvalue())
    if listed is not None:
        start = content.rfind(b"PK\x01\x02")
        content[start + LISTED_SIZE.start : start + LISTED_SIZE.stop] = listed.to_bytes(4, "little")
    return bytes(content)


ONES = npy_bytes(np.ones(3))
KERAS = ("config.json", b"{}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            archive(("a.npy", ONES), ("b.npy", ONES), listed=zip_archive.ALWAYS_ALLOWED_BYTES),
            "its content would be 268,435,608 bytes (at most 268,435,456 here: store it uncompressed)",
        ),
        (archive(("a.npy", ONES), listed=1000), "a.npy: 152 bytes, the archive's list says 1,000"),
        (archive(("a.npy", ONES), listed=100), "a.npy: broken NPZ archive: Bad CRC-32 for file 'a.npy'"),
        (archive(("a.npy", ONES), method=zipfile.ZIP_BZIP2), "a.npy: compressed by method 12 (stored or deflated)"),
        (archive(("a.npy", ONES), method=zipfile.ZIP_LZMA), "a.npy: compressed by method 14 (stored or deflated)"),
        (archive(("a", ONES), ("a.npy", ONES)), "a: is there twice, with .npy and without (a name for each)"),
    ],
)
def test_an_archive_that_lies_or_grows_too_much_is_an_error(content, message):
    with pytest.raises(ConvcliError) as caught:
        arrays.decode(content)
    assert str(caught.value) == message


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_an_error():
    with pytest.raises(ConvcliError, match=r"^'a\.npy' is there 2 times \(a name for each\)$"):
        arrays.decode(archive(("a.npy", ONES), ("a.npy", ONES)))


def test_a_keras_archive_is_bounded_too():
    with pytest.raises(ConvcliError, match=r"config\.json would be 67,108,864 bytes \(at most 33,554,432"):
        keras_archive.read_member(archive(KERAS, listed=1 << 26), "config.json")
    with pytest.raises(ConvcliError, match=r"model\.weights\.h5 would be 268,435,457 bytes"):
        weights_file.decode(archive(KERAS, ("model.weights.h5", b""), listed=zip_archive.ALWAYS_ALLOWED_BYTES + 1))


def test_a_directory_that_understates_a_size_does_not_fill_the_memory():
    content = archive(("a.npy", bytes(50_000_000)), listed=1000)
    tracemalloc.start()
    with pytest.raises(ConvcliError):
        arrays.decode(content)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_zeros_shrink_to_a_thousandth_and_come_back():
    zeros = npy_bytes(np.zeros(1_000_000))
    content = archive(("a.npy", zeros))
    assert len(content) * zip_archive.MAX_GROWTH < len(zeros)
    assert arrays.decode(content)["a"].shape == (1_000_000,)
