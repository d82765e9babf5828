"""Images as arrays of the file's own values."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import warnings
import zlib
from contextlib import suppress

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from convcli.core import memory, system_memory
from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat
from convcli.io import arrays, images

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (4, 6), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (4, 6, 3), dtype=np.uint8)
ALPHA = RANDOM.integers(0, 256, (4, 6, 4), dtype=np.uint8)


def decoded(content):
    """Return the values of an image."""
    return images.decode(content).values


def image_bytes(image, form, **options):
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def png_bytes(values, color_type, bits=16):
    """Return a PNG file written by hand; its color type is 0 for grey, 2 colour, 4 grey and alpha, 6 RGBA."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(f">u{bits // 8}").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiff_bytes(values, order="<", sample_format=1, planes=1):
    """Return a TIFF file written by hand; its sample format is 1 for unsigned, 2 for signed, 3 for float values."""
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
        (339, 3, 1, sample_format),
    ]
    lists = struct.pack(f"{order}{channels}H", *[bits] * channels)
    lists += struct.pack(f"{order}{channels}I", *(8 + index * plane for index in range(channels)))
    lists += struct.pack(f"{order}{channels}I", *[plane] * channels)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", after + len(lists))
    entries = b"".join(
        struct.pack(f"{order}HHI", tag, form, count)
        + struct.pack(
            f"{order}HH" if form == 3 and count == 1 else f"{order}I",
            *((value, 0) if form == 3 and count == 1 else (value,)),
        )
        for tag, form, count, value in tags
    )
    return head + data + lists + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)


# ---- values ----


@pytest.mark.parametrize(("values", "mode"), [(GREY, "L"), (COLOUR, "RGB"), (ALPHA, "RGBA"), (ALPHA[..., :2], "LA")])
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_values_of_eight_bits_are_kept(values, mode, form):
    bands = [Image.fromarray(band) for band in (np.moveaxis(values, -1, 0) if values.ndim > 2 else [values])]
    read = decoded(image_bytes(Image.merge(mode, bands), form))
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, values)


def test_values_of_one_bit_are_booleans():
    values = GREY > 100
    read = decoded(image_bytes(Image.fromarray(values), "PNG"))
    assert read.dtype == bool
    np.testing.assert_array_equal(read, values)


def test_lossless_webp_and_gif_keep_all_values():
    np.testing.assert_array_equal(decoded(image_bytes(Image.fromarray(COLOUR), "WEBP", lossless=True)), COLOUR)
    few = COLOUR // 128 * 255
    np.testing.assert_array_equal(decoded(image_bytes(Image.fromarray(few).convert("P"), "GIF")), few)


@pytest.mark.parametrize(("mode", "shape"), [("L", (4, 6)), ("RGB", (4, 6, 3)), ("CMYK", (4, 6, 3))])
def test_a_jpeg_is_grey_or_rgb(mode, shape):
    even = Image.new(mode, (6, 4), 77 if mode == "L" else (0, 100, 200, 0)[: len(mode)])
    read = decoded(image_bytes(even, "JPEG", quality=100))
    assert read.shape == shape
    assert np.ptp(read, axis=(0, 1)).max() == 0
    assert np.abs(read[0, 0].astype(int) - np.asarray(even.convert("RGB") if shape[2:] else even)[0, 0]).max() <= 3


def test_a_palette_becomes_its_colours_and_transparency_becomes_alpha():
    few = COLOUR // 128 * 255
    indexed = Image.fromarray(few).convert("P")
    np.testing.assert_array_equal(decoded(image_bytes(indexed, "PNG")), few)
    clear = indexed.getpixel((0, 0))
    read = decoded(image_bytes(indexed, "PNG", transparency=clear))
    assert read.shape == (4, 6, 4)
    np.testing.assert_array_equal(read[..., 3] == 0, np.asarray(indexed) == clear)


@pytest.mark.parametrize(("channels", "color_type"), [((), 0), ((2,), 4), ((3,), 2), ((4,), 6)])
def test_a_png_of_sixteen_bits_is_read_whole(channels, color_type):
    values = RANDOM.integers(0, 1 << 16, (4, 6, *channels), dtype=np.uint16)
    read = decoded(png_bytes(values, color_type))
    assert read.dtype == np.uint16
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [(), (3,), (4,)])
def test_a_tiff_of_sixteen_bits_is_read_whole(channels, order):
    values = RANDOM.integers(0, 1 << 16, (4, 6, *channels), dtype=np.uint16)
    read = decoded(tiff_bytes(values, order))
    assert read.dtype == np.uint16
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, values)


def test_a_compressed_tiff_of_sixteen_bits_is_read_whole():
    values = RANDOM.integers(0, 1 << 16, (4, 6), dtype=np.uint16)
    np.testing.assert_array_equal(decoded(image_bytes(Image.fromarray(values), "TIFF", compression="tiff_lzw")), values)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("values", "sample_format"),
    [
        (np.array([[-(1 << 31), 1, -1], [(1 << 31) - 1, 2, 3]], np.int32), 2),
        (np.array([[-1.5, 1e30, 0.1], [np.inf, 2, 3]], np.float32), 3),
    ],
    ids=lambda value: str(value.dtype) if hasattr(value, "dtype") else None,
)
def test_a_tiff_of_32_bits_is_read_whole(values, sample_format, order):
    read = decoded(tiff_bytes(values, order, sample_format))
    assert read.dtype == values.dtype
    np.testing.assert_array_equal(read, values)


def test_a_tiff_of_32_bits_without_a_sign_is_unsigned():
    values = np.array([[0, 1, 1 << 31], [(1 << 32) - 1, 2, 3]], np.uint32)
    np.testing.assert_array_equal(decoded(tiff_bytes(values)), values)


def test_an_image_that_pillow_cannot_read_is_an_error():
    for content in (tiff_bytes(np.ones((2, 3), np.uint32), ">"), tiff_bytes(np.ones((2, 3)), sample_format=3)):
        with pytest.raises(ConvcliError) as caught:
            decoded(content)
        assert str(caught.value) == "an image that Pillow cannot read (an .npy file of its values)"


def test_bits_that_would_be_lost_are_an_error():
    values = RANDOM.integers(0, 1 << 16, (4, 6, 3), dtype=np.uint16)
    with pytest.raises(ConvcliError, match="16-bit grey, RGB or RGBA"):
        decoded(tiff_bytes(values, planes=2))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_an_image_is_turned_upright_as_its_exif_data_say(form):
    exif = Image.Exif()
    exif[274] = 6  # to be turned a quarter to the right
    image = Image.new("RGB", (16, 8), (0, 0, 0))
    image.paste((255, 255, 255), (0, 0, 8, 8))  # the left half is white: the upper one, once turned
    read = decoded(image_bytes(image, form, exif=exif))
    assert read.shape == (16, 8, 3)
    assert read[:7].min() > 200
    assert read[9:].max() < 50


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_the_first_of_several_images_is_taken_with_a_warning(form, tmp_path):
    white, black = Image.new("RGB", (6, 4), (255,) * 3), Image.new("RGB", (6, 4))
    path = tmp_path / "moving"
    path.write_bytes(image_bytes(white, form, save_all=True, append_images=[black, white]))
    with pytest.warns(UserWarning, match=rf"^{path}: 3 images, of which the first is taken$"):
        read = arrays.load(str(path))
    assert (read == 255).all()


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_a_number_selects_one_of_several_images(form, tmp_path):
    white, black = Image.new("RGB", (6, 4), (255,) * 3), Image.new("RGB", (6, 4))
    (tmp_path / "moving").write_bytes(image_bytes(white, form, save_all=True, append_images=[black, white]))
    assert [int(arrays.load(f"{tmp_path / 'moving'}:{page}").max()) for page in range(3)] == [255, 0, 255]


# ---- stacks of pages ----

STACKS = {
    "uint8": RANDOM.integers(0, 256, (5, 4, 6), dtype=np.uint8),
    "uint16": RANDOM.integers(0, 1 << 16, (5, 4, 6), dtype=np.uint16),
    "float32": RANDOM.normal(size=(5, 4, 6)).astype(np.float32),
    "RGB": RANDOM.integers(0, 256, (5, 4, 6, 3), dtype=np.uint8),
}


def stack_bytes(pages):
    first, *others = map(Image.fromarray, pages)
    return image_bytes(first, "TIFF", save_all=True, append_images=others)


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_the_pages_of_a_tiff_are_a_stack(stack, tmp_path):
    path = tmp_path / "stack.tif"
    path.write_bytes(stack_bytes(stack))
    np.testing.assert_array_equal(arrays.load(str(path)), stack, strict=True)
    np.testing.assert_array_equal(arrays.load(f"{path}:3"), stack[3], strict=True)
    as_input = arrays.load_input(str(path), DataFormat.CHANNELS_FIRST)
    np.testing.assert_array_equal(np.moveaxis(as_input[0], 0, -1), stack if stack.ndim == 4 else stack[..., None])


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("5", "no page 5 (it has 5, counted from 0)"),
        ("-1", "no page '-1' (pages are counted from 0: FILE:0)"),
        ("x", "no page 'x' (pages are counted from 0: FILE:0)"),
    ],
)
def test_a_page_that_is_not_there_is_an_error(key, message, tmp_path):
    path = tmp_path / "stack.tif"
    path.write_bytes(stack_bytes(STACKS["uint8"]))
    with pytest.raises(ConvcliError) as caught:
        arrays.load(f"{path}:{key}")
    assert str(caught.value) == f"{path}: {message}"


@pytest.mark.parametrize("other", [np.zeros((4, 7), np.uint8), np.zeros((4, 6), np.uint16)])
def test_pages_of_different_kinds_are_not_a_stack(other, tmp_path):
    (tmp_path / "x.tif").write_bytes(stack_bytes([GREY, GREY, other]))
    with pytest.raises(
        ConvcliError, match=r"page 2 has another size or type than page 0 \(equal pages; or one of them"
    ):
        arrays.load(str(tmp_path / "x.tif"))
    np.testing.assert_array_equal(arrays.load(f"{tmp_path / 'x.tif'}:2"), other)


def test_a_stack_is_measured_before_it_is_decoded(monkeypatch):
    content = stack_bytes(np.zeros((4, 2000, 2000), np.uint8))
    monkeypatch.setattr(images, "_turn_upright", None)  # it would decode a page
    limit = system_memory.resident() + 4 * 2000 * 2000  # the pages themselves, and nothing to decode one of them
    with memory.limited_to(limit), pytest.raises(ConvcliError, match=r"of memory in all, .* \(a page, FILE:0\)"):
        images.decode(content)


def test_pages_that_all_point_at_the_same_bytes_are_not_decoded(monkeypatch):
    """Each directory of the file costs 170 bytes and claims a million values, so 100 of them claim 100 million."""
    page = image_bytes(Image.new("L", (1000, 1000)), "TIFF", compression="tiff_deflate")
    (first,) = struct.unpack("<I", page[4:8])
    length = 2 + 12 * struct.unpack("<H", page[first : first + 2])[0]
    content, last = bytearray(page), first
    for _ in range(99):
        content[last + length : last + length + 4] = struct.pack("<I", len(content))
        last = len(content)
        content += page[first : first + length] + bytes(4)
    monkeypatch.setattr(images, "_turn_upright", None)
    with pytest.raises(ConvcliError, match=r"says it has 100,000,000 values, in [\d,]+ bytes"):
        images.decode(bytes(content))


def test_a_stack_is_a_volume_unless_axes_says_otherwise(convcli, tmp_path):
    path = tmp_path / "stack.tif"
    path.write_bytes(stack_bytes(STACKS["uint8"]))
    volume = apply_output(convcli, path, "--filter", "box:size=3")
    assert volume.shape == (1, 3, 2, 4, 1)
    np.testing.assert_allclose(volume[0, 0, 0, 0, 0], STACKS["uint8"][:3, :3, :3].mean(), rtol=1e-12)
    samples = apply_output(convcli, path, "--filter", "box:size=3", "--axes", "byx")
    assert samples.shape == (5, 2, 4, 1)
    np.testing.assert_allclose(samples[4, 0, 0, 0], STACKS["uint8"][4, :3, :3].mean(), rtol=1e-12)
    one = apply_output(convcli, f"{path}:4", "--filter", "box:size=3")
    np.testing.assert_array_equal(one[0], samples[4])


def test_a_model_of_images_says_what_reads_a_stack(convcli, tmp_path):
    path = tmp_path / "stack.tif"
    path.write_bytes(stack_bytes(STACKS["uint8"]))
    done = convcli("apply", path, "-l", "Conv2D(1, 3)", "--seed", 1)
    assert done.exit_code == 1
    assert done.stderr == (
        f"Error: {path}: 5 pages are a volume, the model takes images "
        f"(--axes byx: a sample for each page, {path}:0: one page)\n"
    )


# ---- what is wrong with a file ----


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF", "GIF"])
def test_a_file_that_breaks_off_in_its_first_half_is_an_error_and_later_may_be_read(form):
    content = image_bytes(Image.fromarray(RANDOM.integers(0, 256, (32, 32, 3), dtype=np.uint8)), form)
    shape = decoded(content).shape
    step = max(len(content) // 40, 1)
    for length in range(12, len(content) // 2, step):
        with pytest.raises(ConvcliError):
            decoded(content[:length])
    for length in range(len(content) // 2 + 1, len(content), step):
        with suppress(ConvcliError):
            assert decoded(content[:length]).shape == shape


def test_a_png_with_a_wrong_checksum_is_an_error():
    content = bytearray(png_bytes(GREY.astype(np.uint16), 0))
    content[-20] ^= 1
    with pytest.raises(ConvcliError, match=r"^broken image: "):
        decoded(bytes(content))


def test_a_damaged_tiff_is_one_line_of_error(tmp_path):
    content = image_bytes(Image.fromarray(GREY), "TIFF", compression="tiff_lzw")
    (tmp_path / "x.tif").write_bytes(content[:-20])
    done = subprocess.run(
        [sys.executable, "-m", "convcli", "apply", str(tmp_path / "x.tif"), "--filter", "sobel-x"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=120,
    )
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"Error: {tmp_path / 'x.tif'}: ")
    assert done.returncode == 1


def test_a_decompression_bomb_is_an_error_and_a_large_image_is_not_even_a_warning(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)  # more is a warning of Pillow's, twice as many an error
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decoded(image_bytes(Image.fromarray(GREY), "PNG")).shape == (4, 6)
        with pytest.raises(ConvcliError) as caught:
            decoded(image_bytes(Image.new("L", (7, 6)), "PNG"))
    assert str(caught.value) == "the image says it is too large (at most 40 pixels)"


def test_without_pillow_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ConvcliError) as caught:
        decoded(png_bytes(GREY.astype(np.uint16), 0))
    assert str(caught.value) == "needs Pillow (pip install 'convcli[images]')"


def test_a_sound_file_is_not_an_image():
    assert not images.is_image(b"RIFF\0\0\0\0WAVEfmt ")
    assert images.is_image(b"RIFF\0\0\0\0WEBPVP8 ")


# ---- on the command line ----


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(COLOUR).save(path)
    return path


def apply_output(convcli, *arguments, stdin=None):
    done = convcli("apply", *arguments, "-f", "json", stdin=stdin)
    assert done.exit_code == 0, done.output
    return np.array(json.loads(done.stdout)["output"])


def test_an_image_is_read_from_a_file_or_standard_input(convcli, photo):
    from_file = apply_output(convcli, photo, "--filter", "identity")
    np.testing.assert_array_equal(from_file[0], COLOUR[1:-1, 1:-1])
    np.testing.assert_array_equal(
        apply_output(convcli, "-", "--filter", "identity", stdin=photo.read_bytes()), from_file
    )


def test_an_image_suits_a_channels_first_model(convcli, photo):
    assert arrays.load(str(photo)).shape == (4, 6, 3)
    assert arrays.load_input(str(photo), DataFormat.CHANNELS_FIRST).shape == (1, 3, 4, 6)
    output = apply_output(convcli, photo, "--filter", "identity", "--data-format", "channels_first")
    np.testing.assert_array_equal(output[0], np.moveaxis(COLOUR, -1, 0)[:, 1:-1, 1:-1])
    gray = apply_output(convcli, photo, "--filter", "identity", "--data-format", "channels_first", "--gray")
    np.testing.assert_allclose(gray[0, 0], (COLOUR @ (0.299, 0.587, 0.114))[1:-1, 1:-1], rtol=1e-15)


@pytest.mark.parametrize(("layers", "shape"), [(["Flatten()"], (1, 72)), (["ReLU()"], (1, 4, 6, 3))])
def test_an_image_is_one_sample_in_any_model(convcli, photo, layers, shape):
    output = apply_output(convcli, photo, *(word for layer in layers for word in ("-l", layer)))
    assert np.shape(output) == shape
    done = convcli("apply", photo, "--filter", "bump")
    assert (done.exit_code, "shape (1, 4, 6, 3) has rank 4 (rank 1:" in done.output) == (1, True)


def test_gray_leaves_a_grey_image_as_it_is(convcli, tmp_path):
    Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4)).save(tmp_path / "grey.png")
    output = apply_output(convcli, tmp_path / "grey.png", "-l", "Flatten()", "--gray")
    np.testing.assert_array_equal(output, [range(12)])


def test_scaled_values_are_rounded_once(convcli, photo):
    output = apply_output(convcli, photo, "--filter", "identity", "--scale", "1/255")
    np.testing.assert_array_equal(output[0], (COLOUR / 255)[1:-1, 1:-1])


def test_an_image_serves_as_a_kernel(convcli, tmp_path):
    Image.fromarray(np.array([[0, 1], [2, 3]], np.uint8)).save(tmp_path / "filter.png")
    (tmp_path / "model.yaml").write_text("conv2d: {filters: filter.png, input_shape: [2, 2, 1]}")
    (tmp_path / "x.json").write_text("[[1, 10], [100, 1000]]")
    output = apply_output(convcli, tmp_path / "x.json", tmp_path / "model.yaml")
    assert output.ravel().tolist() == [0 * 1 + 1 * 10 + 2 * 100 + 3 * 1000]


def test_an_image_that_claims_more_values_than_its_file_can_hold_is_not_decoded():
    content = bytearray(image_bytes(Image.fromarray(GREY), "GIF"))
    content[6:10] = struct.pack("<HH", 10_000, 10_000)
    with pytest.raises(ConvcliError, match=r"says it has 100,000,000 values, in \d+ bytes \(at most 67,108,864\)"):
        decoded(bytes(content))


@pytest.mark.parametrize(("mode", "form", "needed"), [("RGB", "PNG", 19), ("L", "PNG", 5), ("RGB", "WEBP", 27)])
def test_an_image_is_measured_before_it_is_decoded(mode, form, needed, monkeypatch):
    content = image_bytes(Image.new(mode, (4000, 4000)), form)
    monkeypatch.setattr(images, "_turn_upright", None)  # it would decode the image
    limit = system_memory.resident() + 4000 * 4000 * needed // 2
    refused = pytest.raises(ConvcliError, match=r"needs [\d,.]+ MiB of memory in all, .* \(a smaller image\)")
    with memory.limited_to(limit), refused:
        decoded(content)


def test_a_large_image_of_one_colour_is_decoded():
    black = Image.new("L", (3000, 3000))
    assert decoded(image_bytes(black, "PNG")).shape == (3000, 3000)
