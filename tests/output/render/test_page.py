"""The page: what its file holds, and what a real browser shows, which must be what the engine computes."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import convcli as library
from convcli.model.padding_modes import PADDING_MODES
from convcli.output.render.number_format import format_value

LINES, DETECTORS = "samples/lines.yaml", "samples/line-detectors.yaml"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (  # so that the browser fetches nothing by itself
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


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
        ((65, 9), "Conv2D(1, 1)", "input: 65×9 cells are too many for a page (at most 64×64"),
        ((9, 9), "UpSampling2D(8)", "up_sampling2d: 72×72 cells are too many for a page (at most 64×64"),
        ((64, 64), "Conv2D(300, 1)", "1,233,496 numbers are too many for a page (at most 1,048,576"),
    ],
)
def test_too_large_a_model_is_an_error(convcli, tmp_path, shape, layer, message):
    np.save(tmp_path / "x.npy", np.zeros((1, *shape, 1)))
    result = convcli("apply", tmp_path / "x.npy", "-l", layer, "--seed", 1, "-o", tmp_path / "page.html")
    assert result.exit_code == 1
    assert message in result.output
    assert not (tmp_path / "page.html").exists()


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


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (extra browser)")
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip(f"needs a browser: {' or '.join(BROWSERS)}")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=[*QUIET])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium, convcli, tmp_path):
    """Return a function that opens the page a command writes. Any error or request of the page fails the test."""
    complaints: list[str] = []
    contexts = []

    def open_page(*arguments: Any, stdin: str | None = None, **settings: Any) -> Any:
        path = tmp_path / "page.html"
        result = convcli(*arguments, "-o", path, stdin=stdin)
        assert result.exit_code == 0, result.output
        contexts.append(chromium.new_context(**settings))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url) if "page.html" not in request.url else None)
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def focusable_map(page: Any) -> Any:
    """Return the output map that keys move in."""
    return page.locator("#output canvas[tabindex='0']")


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
    page = opened("apply", LINES, DETECTORS)
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
        focusable_map(page).press(key)
        assert page.inner_text("#value") == f"lines: {value}"
    for key in ("ArrowLeft", "ArrowUp", "PageUp"):  # at the first cell of the first map there is nowhere to go
        focusable_map(page).press(key)
    assert page.inner_text("#value") == "lines: vertical at 0,0 = 0"


def test_keys_that_scroll_the_page_move_only_when_a_map_has_the_focus(opened):
    page = opened("apply", LINES, DETECTORS)
    for key in ("ArrowDown", "PageDown", "End"):
        page.keyboard.press(key)
        assert page.inner_text("#value") == "lines: vertical at 0,0 = 0"
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#value") == "lines: vertical at 0,1 = 0"


def test_slider_buttons_pointer_and_walk_pick_cells(opened):
    page = opened("apply", LINES, DETECTORS)
    page.focus("#position")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#value") == "lines: vertical at 0,1 = 0"
    page.click("#next")
    assert page.inner_text("#value") == "lines: vertical at 0,2 = 3"
    page.click("#previous")
    assert page.inner_text("#value") == "lines: vertical at 0,1 = 0"
    horizontal = page.locator("#output canvas").nth(2)  # after the legend and the other map
    box = horizontal.bounding_box()
    horizontal.hover(position={"x": box["width"] * 2.5 / 6, "y": box["height"] * 4.5 / 6})
    assert page.inner_text("#value") == "lines: horizontal at 4,2 = 2"
    page.click("#walk")
    page.locator("#value", has_text="4,3").wait_for()
    page.click("#walk")


def test_each_layer_has_a_button_and_keeps_its_picked_cell(opened):
    page = opened("apply", LINES, "samples/stack.yaml")
    steps = page.locator("#parts button")
    assert [each.inner_text().split()[0] for each in steps.all()] == ["conv2d", "max_pooling2d"]
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#value").startswith("conv2d: edge-left at 0,1")
    steps.nth(1).click()
    assert page.inner_text("#value").startswith("max_pooling2d: edge-left at 0,0")
    assert steps.nth(1).get_attribute("aria-current") == "step"
    steps.nth(0).click()
    assert page.inner_text("#value").startswith("conv2d: edge-left at 0,1")  # where it was left


def test_a_sample_can_be_selected(opened):
    page = opened("apply", "-", "-l", "Conv1D([[1, 1]])", stdin="[[[1], [2], [3]], [[10], [20], [30]]]")
    assert page.inner_text("#value") == "conv1d: map 0 at 0 = 3"
    page.select_option("#sample", "1")
    assert page.inner_text("#value") == "conv1d: map 0 at 0 = 30"


def test_numbers_in_cells_have_as_many_digits_as_fit(opened):
    page = opened("apply", "-", "-l", "Conv1D([[1]])", stdin="0.5,0.1234")
    assert page.evaluate("output.views[0].labels") == ["0.5", "0.1234"]
    many = ",".join(["0.123456789"] * 12)
    page = opened("apply", "-", "-l", "Conv1D([[1]])", stdin=many, viewport={"width": 900, "height": 600})
    assert page.evaluate("output.views[0].labels[0]") == "0.12"


def test_a_map_beyond_the_most_that_are_drawn_is_drawn_when_it_is_picked(opened):
    page = opened("apply", "-", "-l", "Conv1D(600, 1)", "--seed", 1, stdin="1,2,3")
    page.select_option("#map", "580")
    page.focus("#value ~ * canvas")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#value").startswith("conv1d: map 580 at 1 = ")
    assert page.locator("#output figure.picked").count() == 1


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
  return output.views.flatMap((_, map) => [...Array(output.value.cellCount).keys()].map((cell) => {
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
