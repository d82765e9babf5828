"""Pictures as arrays of the file's own values."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat
from convcli.io import arrays, images

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (4, 6), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (4, 6, 3), dtype=np.uint8)
ALPHA = RANDOM.integers(0, 256, (4, 6, 4), dtype=np.uint8)


def saved(picture, form, **options):
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def png(values, kind, bits=16):
    """A PNG file, written by hand: its kind is 0 for grey, 2 colour, 4 grey and alpha, 6 colour and alpha."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(f">u{bits // 8}").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiff(values, order="<", kind=1, planes=1):
    """A TIFF file without compression, written by hand: its kind is 1 for whole numbers, 2 signed, 3 float."""
    height, width = values.shape[:2]
    channels = values.shape[2] if values.ndim == 3 else 1
    bits = values.dtype.itemsize * 8
    stored = values.astype(values.dtype.newbyteorder(order))
    data = (np.moveaxis(stored, -1, 0) if planes == 2 else stored).tobytes()
    plane = len(data) // channels
    after = 8 + len(data)
    depths, offsets, counts = after, after + 2 * channels, after + 6 * channels
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, channels, bits if channels == 1 else depths),
        (259, 3, 1, 1),
        (262, 3, 1, 2 if channels > 2 else 1),
        (273, 4, channels, offsets) if planes == 2 else (273, 4, 1, 8),
        (277, 3, 1, channels),
        (278, 4, 1, height),
        (279, 4, channels, counts) if planes == 2 else (279, 4, 1, len(data)),
        (284, 3, 1, planes),
        *([(338, 3, 1, 2)] if channels == 4 else []),
        (339, 3, 1, kind),
    ]
    more = struct.pack(f"{order}{channels}H", *[bits] * channels)
    more += struct.pack(f"{order}{channels}I", *(8 + place * plane for place in range(channels)))
    more += struct.pack(f"{order}{channels}I", *[plane] * channels)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", after + len(more))
    entries = b"".join(
        struct.pack(f"{order}HHI", tag, form, count)
        + struct.pack(
            f"{order}HH" if form == 3 and count == 1 else f"{order}I",
            *((value, 0) if form == 3 and count == 1 else (value,)),
        )
        for tag, form, count, value in tags
    )
    return head + data + more + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)


# ---- every kind of value ----


@pytest.mark.parametrize(("values", "mode"), [(GREY, "L"), (COLOUR, "RGB"), (ALPHA, "RGBA"), (ALPHA[..., :2], "LA")])
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_eight_bits_a_value(values, mode, form):
    bands = [Image.fromarray(band) for band in (np.moveaxis(values, -1, 0) if values.ndim > 2 else [values])]
    read = images.decode(saved(Image.merge(mode, bands), form))
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, values)


def test_one_bit_a_value():
    values = GREY > 100
    read = images.decode(saved(Image.fromarray(values), "PNG"))
    assert read.dtype == bool
    np.testing.assert_array_equal(read, values)


def test_lossless_webp_and_gif():
    np.testing.assert_array_equal(images.decode(saved(Image.fromarray(COLOUR), "WEBP", lossless=True)), COLOUR)
    few = COLOUR // 128 * 255
    np.testing.assert_array_equal(images.decode(saved(Image.fromarray(few).convert("P"), "GIF")), few)


@pytest.mark.parametrize(("mode", "shape"), [("L", (4, 6)), ("RGB", (4, 6, 3)), ("CMYK", (4, 6, 3))])
def test_jpeg(mode, shape):
    even = Image.new(mode, (6, 4), 77 if mode == "L" else (0, 100, 200, 0)[: len(mode)])
    read = images.decode(saved(even, "JPEG", quality=100))
    assert read.shape == shape
    assert np.ptp(read, axis=(0, 1)).max() == 0
    assert np.abs(read[0, 0].astype(int) - np.asarray(even.convert("RGB") if shape[2:] else even)[0, 0]).max() <= 3


def test_a_palette_gives_its_colours_and_with_transparency_alpha():
    few = COLOUR // 128 * 255
    indexed = Image.fromarray(few).convert("P")
    np.testing.assert_array_equal(images.decode(saved(indexed, "PNG")), few)
    clear = indexed.getpixel((0, 0))
    read = images.decode(saved(indexed, "PNG", transparency=clear))
    assert read.shape == (4, 6, 4)
    np.testing.assert_array_equal(read[..., 3] == 0, np.asarray(indexed) == clear)


@pytest.mark.parametrize(("channels", "kind"), [((), 0), ((2,), 4), ((3,), 2), ((4,), 6)])
def test_png_of_sixteen_bits(channels, kind):
    values = RANDOM.integers(0, 1 << 16, (4, 6, *channels), dtype=np.uint16)
    read = images.decode(png(values, kind))
    assert read.dtype == np.uint16
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [(), (3,), (4,)])
def test_tiff_of_sixteen_bits(channels, order):
    values = RANDOM.integers(0, 1 << 16, (4, 6, *channels), dtype=np.uint16)
    read = images.decode(tiff(values, order))
    assert read.dtype == np.uint16
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, values)


def test_compressed_tiff_of_sixteen_bits():
    values = RANDOM.integers(0, 1 << 16, (4, 6), dtype=np.uint16)
    np.testing.assert_array_equal(images.decode(saved(Image.fromarray(values), "TIFF", compression="tiff_lzw")), values)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array([[-(1 << 31), 1, -1], [(1 << 31) - 1, 2, 3]], np.int32), 2),
        (np.array([[-1.5, 1e30, 0.1], [np.inf, 2, 3]], np.float32), 3),
    ],
    ids=lambda value: str(value.dtype) if hasattr(value, "dtype") else None,
)
def test_tiff_of_32_bits(values, kind, order):
    read = images.decode(tiff(values, order, kind))
    assert read.dtype == values.dtype
    np.testing.assert_array_equal(read, values)


def test_tiff_of_32_bits_without_a_sign():
    values = np.array([[0, 1, 1 << 31], [(1 << 32) - 1, 2, 3]], np.uint32)
    np.testing.assert_array_equal(images.decode(tiff(values)), values)


def test_what_pillow_cannot_read_is_an_error():
    for content in (tiff(np.ones((2, 3), np.uint32), ">"), tiff(np.ones((2, 3)), kind=3)):
        with pytest.raises(ConvcliError) as caught:
            images.decode(content)
        assert str(caught.value) == "a picture that Pillow cannot read (an .npy file of its values)"


def test_bits_that_would_be_lost_are_an_error():
    values = RANDOM.integers(0, 1 << 16, (4, 6, 3), dtype=np.uint16)
    with pytest.raises(ConvcliError, match="16-bit grey, RGB or RGBA"):
        images.decode(tiff(values, planes=2))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_picture_is_turned_as_its_exif_data_ask(form):
    exif = Image.Exif()
    exif[274] = 6  # to be turned a quarter to the right
    picture = Image.new("RGB", (16, 8), (0, 0, 0))
    picture.paste((255, 255, 255), (0, 0, 8, 8))  # the left half is white: the upper one, once turned
    read = images.decode(saved(picture, form, exif=exif))
    assert read.shape == (16, 8, 3)
    assert read[:7].min() > 200
    assert read[9:].max() < 50


@pytest.mark.parametrize("form", ["GIF", "TIFF", "WEBP", "PNG"])
def test_of_several_pictures_the_first_with_a_warning(form, tmp_path):
    white, black = Image.new("RGB", (6, 4), (255,) * 3), Image.new("RGB", (6, 4))
    path = tmp_path / "moving"
    path.write_bytes(saved(white, form, save_all=True, append_images=[black, white]))
    with pytest.warns(UserWarning, match=rf"^{path}: 3 pictures, of which the first is taken$"):
        read = arrays.load(str(path))
    assert (read == 255).all()


# ---- what is wrong with a file ----


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF", "GIF"])
def test_a_file_that_breaks_off_is_an_error_or_whole(form):
    picture = Image.fromarray(RANDOM.integers(0, 256, (32, 32, 3), dtype=np.uint8))
    content = saved(picture, form)
    whole = images.decode(content)
    for length in range(12, len(content), max(len(content) // 40, 1)):
        try:
            read = images.decode(content[:length])
        except ConvcliError:
            continue
        assert length > len(content) // 2
        assert read.shape == whole.shape


def test_a_png_whose_checksum_is_wrong_is_an_error():
    content = bytearray(png(GREY.astype(np.uint16), 0))
    content[-20] ^= 1
    with pytest.raises(ConvcliError, match=r"^broken picture: "):
        images.decode(bytes(content))


def test_nothing_but_the_error_is_said_of_a_damaged_tiff(tmp_path):
    content = saved(Image.fromarray(GREY), "TIFF", compression="tiff_lzw")
    (tmp_path / "x.tif").write_bytes(content[:-20])
    done = subprocess.run(
        [sys.executable, "-m", "convcli", "apply", str(tmp_path / "x.tif"), "--filter", "sobel-x"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"Error: {tmp_path / 'x.tif'}: ")
    assert done.returncode == 1


def test_a_bomb_is_one_error_and_a_large_picture_no_warning(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)  # more is a warning of Pillow's, twice as many an error
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert images.decode(saved(Image.fromarray(GREY), "PNG")).shape == (4, 6)
        with pytest.raises(ConvcliError) as caught:
            images.decode(saved(Image.new("L", (7, 6)), "PNG"))
    assert str(caught.value) == "the picture says it is too large (at most 40 pixels)"


def test_without_pillow(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ConvcliError) as caught:
        images.decode(png(GREY.astype(np.uint16), 0))
    assert str(caught.value) == "needs Pillow (pip install 'convcli[images]')"


def test_a_sound_file_is_no_picture():
    assert not images.is_image(b"RIFF\0\0\0\0WAVEfmt ")
    assert images.is_image(b"RIFF\0\0\0\0WEBPVP8 ")


# ---- on the command line ----


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(COLOUR).save(path)
    return path


def applied(convcli, *arguments, stdin=None):
    done = convcli("apply", *arguments, "-f", "json", stdin=stdin)
    assert done.exit_code == 0, done.output
    return np.array(json.loads(done.stdout)["output"])


def test_a_picture_from_a_file_or_standard_input(convcli, photo):
    from_file = applied(convcli, photo, "--filter", "identity")
    np.testing.assert_array_equal(from_file[0], COLOUR[1:-1, 1:-1])
    np.testing.assert_array_equal(applied(convcli, "-", "--filter", "identity", stdin=photo.read_bytes()), from_file)


def test_a_picture_in_a_channels_first_model(convcli, photo):
    assert arrays.load(str(photo)).shape == (4, 6, 3)
    assert arrays.load_input(str(photo), DataFormat.CHANNELS_FIRST).shape == (1, 3, 4, 6)
    output = applied(convcli, photo, "--filter", "identity", "--data-format", "channels_first")
    np.testing.assert_array_equal(output[0], np.moveaxis(COLOUR, -1, 0)[:, 1:-1, 1:-1])
    gray = applied(convcli, photo, "--filter", "identity", "--data-format", "channels_first", "--gray")
    np.testing.assert_allclose(gray[0, 0], (COLOUR @ (0.299, 0.587, 0.114))[1:-1, 1:-1], rtol=1e-15)


@pytest.mark.parametrize(("layers", "shape"), [(["Flatten()"], (1, 72)), (["ReLU()"], (1, 4, 6, 3))])
def test_a_picture_is_one_sample_whatever_the_model(convcli, photo, layers, shape):
    output = applied(convcli, photo, *(word for layer in layers for word in ("-l", layer)))
    assert np.shape(output) == shape
    done = convcli("apply", photo, "--filter", "bump")
    assert (done.exit_code, "shape (1, 4, 6, 3) has rank 4 (rank 1:" in done.output) == (1, True)


def test_gray_leaves_a_grey_picture_as_it_is(convcli, tmp_path):
    Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4)).save(tmp_path / "grey.png")
    output = applied(convcli, tmp_path / "grey.png", "-l", "Flatten()", "--gray")
    np.testing.assert_array_equal(output, [range(12)])


def test_scaled_values_are_divided_once(convcli, photo):
    output = applied(convcli, photo, "--filter", "identity", "--scale", "1/255")
    np.testing.assert_array_equal(output[0], (COLOUR / 255)[1:-1, 1:-1])


def test_a_picture_as_weights(convcli, tmp_path):
    Image.fromarray(np.array([[0, 1], [2, 3]], np.uint8)).save(tmp_path / "filter.png")
    (tmp_path / "model.yaml").write_text("conv2d: {filters: filter.png, input_shape: [2, 2, 1]}")
    (tmp_path / "x.json").write_text("[[1, 10], [100, 1000]]")
    output = applied(convcli, tmp_path / "x.json", tmp_path / "model.yaml")
    assert output.ravel().tolist() == [0 * 1 + 1 * 10 + 2 * 100 + 3 * 1000]


def test_a_picture_that_says_it_is_larger_than_its_file_can_be_is_not_decoded():
    content = bytearray(saved(Image.fromarray(GREY), "GIF"))
    content[6:10] = struct.pack("<HH", 10_000, 10_000)
    with pytest.raises(ConvcliError, match=r"says it has 100,000,000 values, in \d+ bytes \(at most 67,108,864\)"):
        images.decode(bytes(content))


def test_a_picture_of_one_colour_is_small_and_read():
    black = Image.new("L", (3000, 3000))
    assert images.decode(saved(black, "PNG")).shape == (3000, 3000)
