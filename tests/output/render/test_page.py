"""The page: what its file holds, and what a real browser shows, which must be what the engine computes."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

import convcli as library
from convcli.io.lazy_input import LazyInput
from convcli.model.padding_modes import PADDING_MODES
from convcli.output.render.colormap import contrast
from convcli.output.render.number_format import format_value

LINES, DETECTORS = "samples/lines.yaml", "samples/line-detectors.yaml"


def data_in(text: str) -> dict[str, Any]:
    """Return the data of a page from its HTML."""
    return json.loads(re.search('<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)[1])


# ---- the file ----


def test_the_file_refers_to_nothing_outside_itself(convcli):
    text = convcli("apply", LINES, DETECTORS, "-f", "html").stdout
    assert not re.findall(r"https?:|//[a-z]|@import|url\(|src=", text.replace("img-src data:", ""))
    assert "{{" not in text
    assert data_in(text)["values"]["lines"]["samples"] == [[0, 0, 0, 1, 3, 2, 3, 2, 0, 1, 0, 0] * 6]


def test_a_name_cannot_become_markup_or_script(convcli, tmp_path):
    name = "</script><b>{{ script }}"
    model = tmp_path / "model.yaml"
    model.write_text(json.dumps({"name": name, "layers": [{"conv2d": {"filters": {name: "identity"}}}]}))
    text = convcli("apply", LINES, model, "-f", "html").stdout
    assert text.count("</script>") == 2
    assert data_in(text)["title"] == name
    assert "<title>&lt;/script&gt;&lt;b&gt;{{ script }}</title>" in text


def test_the_page_of_explain_opens_at_the_explained_value(convcli, tmp_path):
    page = tmp_path / "page.html"
    assert convcli("explain", LINES, DETECTORS, "--at", "3,2", "--map", "horizontal", "-o", page).exit_code == 0
    assert data_in(page.read_text())["start"] == {"name": "lines", "map": 1, "at": [3, 2], "sample": 0}


@pytest.mark.parametrize(
    ("shape", "layer", "message"),
    [
        ((129, 128), "Conv2D(1, 1)", "input: 129×128 cells are too many for a page (at most 16,384 in all; "),
        ((16385,), "Conv1D(1, 1)", "input: 16,385 cells are too many for a page"),
        ((9, 9), "UpSampling2D(15)", "up_sampling2d: 135×135 cells are too many for a page"),
        ((9, 9), "Conv2D(1, 1, strides=99, padding=99)", "conv2d: 207×207 cells as its windows meet them are too many"),
        ((64, 64), "Conv2D(300, 1)", "1,233,496 numbers are too many for a page (at most 1,048,576"),
    ],
)
def test_too_large_a_model_is_an_error(convcli, tmp_path, shape, layer, message):
    np.save(tmp_path / "x.npy", np.zeros((1, *shape, 1)))
    result = convcli("apply", tmp_path / "x.npy", "-l", layer, "--seed", 1, "-o", tmp_path / "page.html")
    assert result.exit_code == 1
    assert message in result.output
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("array", "layer"), [("samples/house.png", "Conv2D(2, 3)"), (str(list(range(600))), "Conv1D(2, 5)")]
)
def test_a_small_picture_and_a_signal_of_600_samples_have_a_page(convcli, tmp_path, array, layer):
    result = convcli("apply", array, "-l", layer, "--seed", 1, "-o", tmp_path / "page.html")
    assert result.exit_code == 0, result.output


def test_the_inputs_of_a_page_are_read_once(convcli, monkeypatch, tmp_path):
    reads = []
    read = LazyInput.read
    monkeypatch.setattr(LazyInput, "read", lambda *arguments: reads.append(arguments) or read(*arguments))
    assert convcli("apply", LINES, DETECTORS, "-o", tmp_path / "page.html").exit_code == 0
    assert len(reads) == 1


def test_shape_offers_no_page(convcli):
    assert convcli("shape", "samples/mnist.yaml", "-f", "html").exit_code == 2


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        ("Permute((2, 1, 3))", "copy"),
        ("UpSampling2D(2)", "copy"),
        ("Concatenate(inputs=['input', 'input'])", "copy"),
        ("Interleave(inputs=['input', 'input'])", "copy"),
        ("UpSampling2D(2, interpolation='bilinear')", "other"),
        ("Add(inputs=['input', 'input'])", "merge"),
        ("Add(inputs=['input', 3])", "other"),  # the page's working would lack the number
        ("glu", "other"),  # each value is made from two
        ("softmax", "activation"),
        ("Rescaling(2)", "scale"),
        ("BatchNormalization()", "scale"),
        ("BatchNormalization(axis=1)", "other"),
    ],
)
def test_the_page_computes_the_kinds_of_parts_that_it_can(convcli, layer, kind):
    x = json.dumps(np.ones((1, 2, 3, 4)).tolist())
    (part,) = data_in(convcli("apply", "-", "-l", layer, "--seed", 1, "-f", "html", stdin=x).stdout)["parts"]
    assert part["kind"] == kind


def test_the_page_does_not_compute_a_merge_that_broadcasts(convcli):
    x = json.dumps(np.ones((1, 2, 3, 4)).tolist())
    layers = ("-l", "GlobalAveragePooling2D(keepdims=True)", "-l", "Add(inputs=['input', 'global_average_pooling2d'])")
    *_, part = data_in(convcli("apply", "-", *layers, "-f", "html", stdin=x).stdout)["parts"]
    assert part["kind"] == "other"


def test_the_numbers_of_all_samples_count(convcli, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((200, 64, 64, 1)))
    result = convcli("apply", tmp_path / "x.npy", "-l", "Conv2D(1, 1)", "--seed", 1, "-o", tmp_path / "page.html")
    assert "1,638,402 numbers are too many for a page" in result.output  # 200·(64·64 + 64·64) + 2


# ---- in a browser ----


@pytest.fixture
def opened(visited, convcli, tmp_path):
    """Return a function that opens the page a command writes."""

    def open_page(*arguments: Any, stdin: str | None = None, **settings: Any) -> Any:
        path = tmp_path / "page.html"
        result = convcli(*arguments, "-o", path, stdin=stdin)
        assert result.exit_code == 0, result.output
        return visited(path, **settings)

    return open_page


def large_map(page: Any) -> Any:
    """Return the large view of the picked map, in which keys move."""
    return page.locator("#large figure canvas")


def hover(page: Any, cell: int, canvas: Any = None) -> None:
    """Move the pointer to the middle of a cell of the large map."""
    left, top, right, bottom = page.evaluate(f"output.largeView(state.map).box({cell})")
    (canvas or large_map(page)).hover(position={"x": (left + right) / 2, "y": (top + bottom) / 2})


def test_the_page_shows_a_value_and_its_working(opened):
    page = opened("explain", LINES, DETECTORS, "--at", "0,2")
    assert page.inner_text("#value") == "lines: vertical at 0,2 = 3"
    tables = [each.inner_text().split() for each in page.locator("#working tbody").all()]
    assert tables == [["0", "1", "0"] * 3, ["0", "1", "1"] * 3, ["0", "1", "0"] * 3]
    assert "sum: 0·0 + 1·1 + 0·1 + 0·0 + 1·1 + 0·1 + 0·0 + 1·1 + 0·1 = 3" in page.inner_text("#working")


def test_the_page_of_explain_opens_at_the_unit_of_a_dense_layer(opened):
    page = opened("explain", "-", "-l", "Dense(5)", "--seed", 1, "--map", 3, stdin="[[1, 2, 3]]")
    assert page.inner_text("#value").startswith("dense at 3 = ")


def test_the_input_is_laid_out_and_the_filter_titled_as_it_meets_it(opened):
    page = opened("explain", "-", "-l", "Conv1DTranspose([[1, 2, 3]], strides=2)", "--at", 2, stdin="4,5,6")
    assert page.inner_text("#working caption >> nth=0") == "filter, in reverse"
    cells = "[...Array(inputs[0].value.cellCount).keys()].map((cell) => numberAt(inputs[0].value, cell, 0))"
    assert page.evaluate(cells) == [0, 0, *(4, 0, 5, 0, 6), 0, 0]  # stretched by the stride, then padded


@pytest.mark.parametrize(
    ("layer", "map_", "line"),
    [
        ("Concatenate(inputs=['input', 'input'])", 3, "input at 0,1, channel 1 = 4"),
        ("ZeroPadding2D(1)", 0, "padding = 0"),
        ("Permute((2, 1, 3))", 1, "input at 1,0, channel 1 = 6"),
    ],
)
def test_a_copied_value_is_shown_where_it_comes_from(opened, layer, map_, line):
    x = "[[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]]"
    page = opened("explain", "-", "-l", layer, "--at", "0,1", "--map", map_, stdin=x)
    assert page.inner_text("#working .line") == line


def test_keys_move_from_cell_to_cell_and_from_map_to_map(opened):
    page = opened("explain", LINES, DETECTORS, "--at", "0,0")
    walk = {
        "ArrowRight": "vertical at 0,1 = 0",
        "ArrowDown": "vertical at 1,1 = 0",
        "PageDown": "horizontal at 1,1 = 1",
        "End": "horizontal at 5,5 = 0",
        "ArrowUp": "horizontal at 4,5 = 0",
        "ArrowLeft": "horizontal at 4,4 = 1",
        "Home": "horizontal at 0,0 = 0",
        "PageUp": "vertical at 0,0 = 0",
    }
    for key, value in walk.items():
        large_map(page).press(key)
        assert page.inner_text("#value") == f"lines: {value}"
    for key in ("ArrowLeft", "ArrowUp", "PageUp"):  # at the first cell of the first map there is nowhere to go
        large_map(page).press(key)
    assert page.inner_text("#value") == "lines: vertical at 0,0 = 0"


def test_keys_that_scroll_the_page_move_only_when_a_map_has_the_focus(opened):
    page = opened("explain", LINES, DETECTORS, "--at", "0,0")
    for key in ("ArrowDown", "PageDown", "End"):
        page.keyboard.press(key)
        assert page.inner_text("#value") == "lines: vertical at 0,0 = 0"
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#value") == "lines: vertical at 0,1 = 0"


def test_slider_buttons_and_walk_pick_cells(opened):
    page = opened("explain", LINES, DETECTORS, "--at", "0,0")
    page.focus("#position")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#value") == "lines: vertical at 0,1 = 0"
    page.click("#next")
    assert page.inner_text("#value") == "lines: vertical at 0,2 = 3"
    page.click("#previous")
    assert page.inner_text("#value") == "lines: vertical at 0,1 = 0"
    page.click("#walk")
    page.locator("#value", has_text="0,2").wait_for()
    page.click("#walk")


def test_pointing_at_a_cell_shows_it_until_the_pointer_leaves(opened):
    page = opened("explain", LINES, DETECTORS, "--at", "0,2")
    hover(page, 14)
    assert page.inner_text("#value") == "lines: vertical at 2,2 = 3"
    page.hover("#working")
    assert page.inner_text("#value") == "lines: vertical at 0,2 = 3"
    page.locator("#output .maps canvas").nth(1).hover()  # a small map
    assert page.inner_text("#value").startswith("lines: horizontal at ")
    page.hover("#input-title")
    assert page.inner_text("#value") == "lines: vertical at 0,2 = 3"


@pytest.mark.parametrize("how", ["click", "Enter", "button"])
def test_a_pinned_cell_stays_whatever_the_pointer_does_until_escape(opened, how):
    page = opened("explain", LINES, DETECTORS, "--at", "0,2")
    if how == "button":
        page.click("#pin")
        pinned = "lines: vertical at 0,2 = 3"
    else:
        hover(page, 15)
        page.mouse.down() if how == "click" else page.keyboard.press("Enter")
        page.mouse.up()
        pinned = "lines: vertical at 2,3 = 3"
    assert page.inner_text("#pin") == "Pinned"
    hover(page, 0)
    assert page.inner_text("#value") == pinned
    page.hover("#working")
    page.keyboard.press("Escape")
    assert (page.inner_text("#pin"), page.inner_text("#value")) == ("Pin", pinned)
    hover(page, 0)
    assert page.inner_text("#value") == "lines: vertical at 0,0 = 0"


def test_a_tap_pins(opened):
    page = opened("explain", LINES, DETECTORS, "--at", "0,2", has_touch=True, viewport={"width": 375, "height": 700})
    left, top, *_ = page.evaluate("output.largeView(0).box(8)")
    large_map(page).tap(position={"x": left + 3, "y": top + 3})
    assert (page.inner_text("#value"), page.inner_text("#pin")) == ("lines: vertical at 1,2 = 3", "Pinned")


def test_each_layer_has_a_button_and_keeps_its_picked_cell(opened):
    page = opened("apply", LINES, "samples/stack.yaml")
    steps = page.locator("#parts button")
    assert [each.inner_text().split()[0] for each in steps.all()] == ["conv2d", "max_pooling2d"]
    large_map(page).press("End")
    assert page.inner_text("#value").startswith("conv2d: edge-left at 7,7")
    steps.nth(1).click()
    assert page.inner_text("#value").startswith("max_pooling2d: edge-left at 0,1 = 3")
    assert steps.nth(1).get_attribute("aria-current") == "step"
    steps.nth(0).click()
    assert page.inner_text("#value").startswith("conv2d: edge-left at 7,7")  # where it was left


@pytest.mark.parametrize(
    ("options", "value"),
    [((), "map 1 at 1 = -6"), (("--map", 0), "map 0 at 1 = 3"), (("--layer-output", "conv1d"), "map 1 at 1 = -6")],
)
def test_the_page_opens_at_the_value_farthest_from_zero(opened, options, value):
    page = opened("apply", "-", "-l", "Conv1D([[1], [-2]])", *options, stdin="[0, 3, NaN, -2]")
    assert page.inner_text("#value") == f"conv1d: {value}"


def test_a_sample_can_be_selected(opened):
    page = opened("apply", "-", "-l", "Conv1D([[1, 1]])", stdin="[[[1], [2], [3]], [[10], [20], [30]]]")
    assert page.inner_text("#value") == "conv1d: map 0 at 1 = 5"
    page.select_option("#sample", "1")
    assert page.inner_text("#value") == "conv1d: map 0 at 1 = 50"


def test_numbers_in_cells_have_as_many_digits_as_fit(opened):
    page = opened("apply", "-", "-l", "Conv1D([[1]])", stdin="0.5,0.1234")
    assert page.evaluate("output.largeView(0).labels") == ["0.5", "0.1234"]
    many = ",".join(["0.123456789"] * 12)
    page = opened("apply", "-", "-l", "Conv1D([[1]])", stdin=many, viewport={"width": 900, "height": 600})
    assert page.evaluate("output.largeView(0).labels[0]") == "0.12"


def test_a_map_beyond_the_most_that_are_drawn_is_drawn_when_it_is_picked(opened):
    page = opened("apply", "-", "-l", "Conv1D(600, 1)", "--seed", 1, stdin="1,2,3")
    page.select_option("#map", "580")
    large_map(page).press("Home")
    assert page.inner_text("#value").startswith("conv1d: map 580 at 0 = ")
    assert page.inner_text("#large figcaption") == "map 580"


def test_nothing_is_wider_than_a_small_phone(opened):
    layers = ("-l", "Conv2D(2, 3)", "-l", "Flatten()", "-l", "Dense(4)", "--seed", 1)
    page = opened("apply", LINES, *layers, viewport={"width": 320, "height": 640})
    for step in range(3):
        page.locator("#parts button").nth(step).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_and_follows_its_colour_scheme(opened, scheme):
    page = opened("apply", LINES, "samples/stack.yaml", viewport={"width": 360, "height": 640}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 300) == (scheme == "dark")


# Return the top, left, bottom and right of an element on the screen.
BOX = "element => (({ top, left, bottom, right }) => [top, left, bottom, right])(element.getBoundingClientRect())"


def box_of(page: Any, selector: str) -> tuple[float, ...]:
    return tuple(page.locator(selector).first.evaluate(BOX))


@pytest.mark.parametrize("size", [{"width": 375, "height": 740}, {"width": 1280, "height": 800}])
def test_the_button_of_the_current_layer_is_in_view_among_many(opened, size):
    layers = [word for number in range(60) for word in ("-l", f"Rescaling({number})")]
    page = opened("apply", LINES, *layers, "--layer-output", "rescaling_40", viewport=size)
    for part in (40, 39):
        top, left, bottom, right = page.locator("#parts button").nth(part).evaluate(BOX)
        row_top, row_left, row_bottom, row_right = box_of(page, "#parts")
        assert row_top <= top < bottom <= row_bottom + 1
        assert row_left <= left < right <= row_right + 1
        page.evaluate("goToPart(39)")


def test_with_40_maps_input_working_and_picked_map_stay_in_view(opened):
    page = opened("apply", LINES, "-l", "Conv2D(40, 3)", "--seed", 1, viewport={"width": 1280, "height": 800})
    page.locator("#output .maps canvas").last.hover()  # which scrolls it into view
    assert page.inner_text("#value").startswith("conv2d: map 39 at ")
    assert page.inner_text("#large figcaption") == "map 39"
    for selector in ("#input canvas", "#working table", "#large figure canvas"):
        top, _, bottom, _ = box_of(page, selector)
        assert 0 < top < bottom <= 800


def test_on_a_phone_both_maps_stay_in_view_above_a_long_working(opened):
    view = {"width": 375, "height": 740}
    page = opened("apply", LINES, "-l", "Conv2D(8, 3)", "-l", "Conv2D(40, 3)", "--seed", 1, viewport=view)
    page.locator("#parts button").nth(1).click()
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    assert page.evaluate("window.scrollY") > 740
    for selector in ("#value", "#input figure.seen canvas", "#large figure canvas"):
        top, _, bottom, _ = box_of(page, selector)
        assert 0 <= top < bottom <= 740


def test_slices_of_three_axes_stand_side_by_side_and_are_labelled(opened, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((4, 5, 6)))
    page = opened("apply", tmp_path / "x.npy", "-l", "Conv3D(1, 3, padding='same')", "--seed", 1)
    blocks = page.evaluate("output.largeView(0).layout.blocks.map(({ left, top }) => [left, top])")
    assert blocks[0][1] == blocks[1][1]
    assert blocks[0][0] < blocks[1][0]
    labels = """() => { // what is written on the canvas beside the blocks
      const texts = [];
      const view = inputs[0].views[0];
      view.cellsPen.fillText = (text) => texts.push(text);
      view.paintBlockLabels();
      return texts;
    }"""
    assert page.evaluate(labels) == ["padding", "depth 0", "depth 1", "depth 2", "depth 3", "padding"]


def test_a_long_row_is_broken_into_lines_that_tell_where_they_begin(opened):
    page = opened("apply", "-", "-l", "Conv1D([[1]])", stdin=",".join(map(str, range(600))))
    layout = page.evaluate("output.largeView(0).layout")
    firsts = [block["first"] for block in layout["blocks"]]
    assert firsts == list(range(0, 600, layout["columns"]))
    assert page.evaluate("firstPosition(output.value, 598, 2)") == 598
    hover(page, 599)
    assert page.inner_text("#value") == "conv1d: map 0 at 599 = 599"


@pytest.mark.parametrize("width", [1280, 375])
def test_the_working_of_a_dense_layer_scrolls_with_each_product_beside_its_sign(opened, tmp_path, width):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(1, 1, 200)))
    model = ("-l", "Flatten", "-l", "Dense(3)", "--seed", 1)
    page = opened("apply", tmp_path / "x.npy", *model, viewport={"width": width, "height": 800})
    page.locator("#parts button").nth(1).click()
    rows = page.locator("#working tbody tr")
    assert rows.count() == 200
    height, content = page.locator("#working .vectors").evaluate("box => [box.clientHeight, box.scrollHeight]")
    assert height < content
    _, weight, dot, number, sign, product = rows.last.locator("td").all_inner_texts()
    assert (dot, sign) == ("·", "=")
    assert float(weight) * float(number) == pytest.approx(float(product), rel=1e-4)


@pytest.mark.parametrize("width", [1280, 500, 375])
def test_products_stand_beside_their_sign(opened, width):
    page = opened("apply", LINES, "-l", "Conv2D(2, 3)", "--seed", 1, viewport={"width": width, "height": 800})
    sign_top, _, sign_bottom, sign_right = box_of(page, "#working .operand:last-child > span")
    top, left, bottom, _ = box_of(page, "#working .operand:last-child > table")
    assert top < sign_top < sign_bottom < bottom
    assert 0 < left - sign_right < 20


# ---- colours ----


def test_text_on_every_colour_has_a_contrast_of_at_least_4_5(opened):
    page = opened("apply", LINES, DETECTORS)
    numbers = "[NaN, Infinity, -Infinity, ...Array(257).keys()]"
    scales = "[scaleOf([0, 256]), scaleOf([-128, 128])]"
    pairs = f"{scales}.flatMap((scale) => {numbers}.map((number) => cellColours(scale.low + number, scale)))"
    for background, ink in page.evaluate(pairs):
        colour = tuple(map(int, re.findall(r"\d+", background)))
        assert contrast(colour, {"#000": (0, 0, 0), "#fff": (255, 255, 255)}[ink]) >= 4.5


# Return the colours of the pixels along a line through a cell of the output, from the middle of the cell before it. It
# is near the upper edge, above the numbers in the cells.
ACROSS = """(cell) => {
  pick(cell);
  const view = output.largeView(0);
  const [left, top, right] = view.box(cell);
  const [first, last] = [left - (right - left) / 2, (left + right) / 2].map(Math.floor);
  const pen = Object.assign(document.createElement("canvas"), { width: last - first, height: 1 })
    .getContext("2d", { willReadFrequently: true });
  pen.drawImage(view.canvas, -first, -top - 2);
  const pixels = pen.getImageData(0, 0, last - first, 1).data;
  const colour = (pixel) => [...pixels.slice(4 * pixel, 4 * pixel + 3)];
  return [...Array(last - first).keys()].map(colour);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("low", [0, -30])
@pytest.mark.parametrize("width", [1280, 400])
def test_a_frame_has_a_contrast_of_3_on_every_colour(opened, scheme, low, width):
    numbers = json.dumps([[number] * 2 for number in range(low, 31, 3 if low else 2)])
    model = ("-l", "Conv2D([[1]])")
    page = opened("apply", "-", *model, stdin=numbers, color_scheme=scheme, viewport={"width": width, "height": 1000})
    for cell in range(1, page.evaluate("output.value.cellCount"), 2):
        before, *frame, own = map(tuple, page.evaluate(ACROSS, cell))
        assert max(contrast(before, colour) for colour in frame) >= 3
        assert max(contrast(own, colour) for colour in frame) >= 3


COMPUTED = (  # the page computes their working
    ["Conv2D(4, (3, 2), strides=(2, 1), dilation_rate=(1, 2), padding='same', groups=2)"],
    *([f"Conv2D(2, 3, padding='same', padding_mode='{mode}')"] for mode in PADDING_MODES[1:]),
    ["Conv2D(1, 11, strides=3, padding=9, padding_mode='symmetric')"],
    ["Conv2D(2, 3, padding='full', flip_kernel=True, use_bias=False)"],
    ["Conv2DTranspose(2, 3, strides=2, padding='same')"],
    ["Conv2DTranspose(4, (2, 3), strides=(3, 2), dilation_rate=2, output_padding=1, groups=2)"],
    ["DepthwiseConv2D(3, depth_multiplier=2)"],
    ["SeparableConv2D(3, 2, depth_multiplier=2, padding='same')"],
    ["Dense(3)"],
    ["Flatten()", "Dense(3)"],
    ["MaxPooling2D(3, 2, padding='same')"],
    ["AveragePooling2D(3, 2, padding='same')"],
    ["AveragePooling2D(3, 2, padding=1, count_include_pad=True, ceil_mode=True)"],
    ["AveragePooling2D(3, 2, ceil_mode=True, count_include_pad=True)"],
    ["GlobalMaxPooling2D()"],
    ["GlobalAveragePooling2D(keepdims=True)"],
    ["BatchNormalization()"],
    ["Rescaling(1/255, 1)"],
    ["Reshape((4, 5, 6))"],
    ["ZeroPadding2D(((1, 0), (2, 1)))"],
    ["Permute((2, 1, 3))"],
    ["UpSampling2D((2, 1))"],
    ["Concatenate(inputs=['input', 'input'])"],
    ["Interleave(inputs=['input', 'input'])"],
    ["Hypot(inputs=['input', 'input'])"],
    ["Reshape((30, 4))", "Conv1D(3, 4, padding='causal')"],
    ["Reshape((2, 3, 5, 4))", "Conv3D(2, (2, 1, 3), padding='same')"],
)
DESCRIBED = (  # the page computes a part of their working, or shows what goes in and what comes out
    ["Conv2D(2, 3, activation='relu')"],
    ["Activation('softmax')"],
    ["LayerNormalization()"],
    ["PReLU()"],
    ["tanh"],
    ["Subtract(inputs=['input', 'input'])"],
    ["UpSampling2D(2, interpolation='bilinear')"],
    ["Dense(3, axis=1)"],
    ["Dropout(0.5)"],
    ["glu"],
    ["Add(inputs=['input', 3])"],
)
# Return for every cell of every map the value that the page shows, and the number in which the working ends.
SHOWN = """() => {
  goToPart(data.parts.length - 1);
  const [maps, cells] = [output.value.channels, output.value.cellCount].map((count) => [...Array(count).keys()]);
  return maps.flatMap((map) => cells.map((cell) => {
    pick(cell, map);
    const ends = [...find("working").querySelectorAll(".line")].filter((line) => line.textContent.includes("="));
    return [find("value"), ends.pop()].map((each) => each.textContent.split(" = ").pop());
  }));
}"""


@pytest.mark.parametrize("layers", [*COMPUTED, *DESCRIBED], ids="-".join)
def test_every_cell_shows_what_the_engine_computes_and_its_working_ends_there(opened, convcli, tmp_path, layers):
    x = np.random.default_rng(0).integers(-9, 10, (1, 5, 6, 4)).astype(float)
    np.save(tmp_path / "x.npy", x)
    options = [word for layer in layers for word in ("-l", layer)]
    page = opened("apply", tmp_path / "x.npy", *options, "--seed", 1)
    y = library.apply(library.load(layers), x, seed=1)[0]
    expected = np.moveaxis(y, -1, 0).ravel()
    shown = page.evaluate(SHOWN)
    assert [value for value, _ in shown] == [format_value(each) for each in expected]
    np.testing.assert_allclose([float(end) for _, end in shown], expected, rtol=1e-5, atol=1e-9)


def test_odd_numbers_are_written_as_in_tables(opened):
    page = opened("apply", "-", "-l", "Conv1D([[1]])", stdin=f"[NaN, Infinity, -Infinity, {', '.join(map(str, ODD))}]")
    assert [value for value, _ in page.evaluate(SHOWN)] == ["NaN", "Infinity", "-Infinity", *map(format_value, ODD)]


ODD = (1e300, -0.0, -1.5e-7, 99999.95, 123456.789, 1234567.5, 1e15, 123456789012345.6, 0.0001, 0.00009999995, 1 / 3)
