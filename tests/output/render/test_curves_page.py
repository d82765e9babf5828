"""The page of a training's curves, in a browser."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from convcli.output.render.curves_page import render_curves

HISTORY = {
    "loss": [4.0, 1.0, 0.5],
    "val_loss": [3.0, 2.0, float("inf")],
    "accuracy": [0.5, 0.75, 1.0],
    "val_accuracy": [0.25, 0.5, 0.987654],
}
# Return where the elements are that a selector chooses; those that are hidden have no width.
BOXES = "(selector) => [...document.querySelectorAll(selector)].map((label) => label.getBoundingClientRect().toJSON())"


@pytest.fixture
def curves(visited, tmp_path):
    """Return a function that opens the page of a history."""

    def open_page(history=HISTORY, **settings):
        (tmp_path / "curves.html").write_bytes(render_curves("m", history))
        return visited(tmp_path / "curves.html", **settings)

    return open_page


def legends(page):
    return [text.strip() for text in page.locator("li").all_inner_texts()]


def point_at(page, share):
    """Move the pointer to a share of the first plot's width."""
    box = page.locator(".plot svg").first.bounding_box()
    page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)


def test_names_cannot_become_markup_or_script():
    text = render_curves("<m>", {"<b>loss</script>": [1.0]}).decode()
    assert "<title>&lt;m&gt;: curves of training</title>" in text
    assert "<m>" not in text
    assert "<b>loss" not in text
    assert text.count("</script>") == 2


def test_the_file_refers_to_nothing_outside_itself():
    text = render_curves("m", HISTORY).decode()
    assert not re.findall(r"https?:|//[a-z]|@import|url\(|src=", text.replace("img-src data:", ""))
    assert "{{" not in text


def test_without_a_pointer_the_last_values_are_shown(curves):
    page = curves()
    assert legends(page) == ["loss 0.5", "val_loss inf", "accuracy 1", "val_accuracy 0.9877"]
    assert page.inner_text("#epoch") == "Epoch 3"


@pytest.mark.parametrize("width", [1200, 375])
def test_the_values_of_the_epoch_under_the_pointer_are_shown(curves, width):
    page = curves(viewport={"width": width, "height": 800})
    for share, epoch, losses in [
        (0.02, "Epoch 1", ["loss 4", "val_loss 3"]),
        (0.6, "Epoch 2", ["loss 1", "val_loss 2"]),
    ]:
        point_at(page, share)
        assert (page.inner_text("#epoch"), legends(page)[:2]) == (epoch, losses)
    page.mouse.move(1, 1)
    assert page.inner_text("#epoch") == "Epoch 3"


def test_keys_move_from_epoch_to_epoch(curves):
    page = curves()
    plot = page.locator(".plot").first
    for key, epoch in {"Home": 1, "ArrowRight": 2, "End": 3, "ArrowLeft": 2, "Escape": 3}.items():
        plot.press(key)
        assert (page.inner_text("#epoch"), plot.get_attribute("aria-valuenow")) == (f"Epoch {epoch}", str(epoch))


@pytest.mark.parametrize("width", [1200, 320])
def test_text_has_the_same_size_on_a_phone(curves, width):
    page = curves({"loss": [1.0 / epoch for epoch in range(1, 20001)]}, viewport={"width": width, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert {box["height"] for box in page.evaluate(BOXES, ".tick")} == {13}
    boxes = [box for box in page.evaluate(BOXES, ".epoch") if box["width"]]
    assert len(boxes) >= 3
    assert all(box["right"] < after["left"] for box, after in pairwise(boxes))


def test_a_curve_runs_through_its_values(curves):
    page = curves()
    points = page.locator("polyline").first.get_attribute("points")
    assert points == "0.0,0.0 500.0,210.0 1000.0,245.0"  # 280 pixels are 4: 280 - 280 / 4, 280 - 280 / 8
    assert page.locator("polyline").nth(1).get_attribute("points") == "0.0,70.0 500.0,140.0"  # infinity is not drawn


def test_one_epoch_and_none_have_a_page(curves):
    assert legends(curves({"loss": [0.3]})) == ["loss 0.3"]
    assert curves({}).inner_text("h1") == "m"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_colour_scheme(curves, scheme):
    background = curves(color_scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 300) == (scheme == "dark")
