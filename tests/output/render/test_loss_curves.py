"""The curves of a training: where they are drawn, and what is labelled."""

from __future__ import annotations

import pytest

from convcli.output.render import loss_curves
from convcli.output.render.loss_curves import LEFT, PANEL, RIGHT, TOP, WIDTH, Axis, Label, Line


def drawn(**history):
    """Return the points of each curve, the texts beside the axis of values, and the height."""
    marks, height = loss_curves.drawing("<m>", history)
    lines = [mark.points for mark in marks if isinstance(mark, Line) and mark.width == 2]
    ticks = [mark.text for mark in marks if isinstance(mark, Label) and mark.anchor == "end" and mark.text != "epoch"]
    return lines, ticks, height


def test_a_curve_runs_from_left_to_right_and_from_the_largest_loss_down_to_zero():
    (line,), ticks, height = drawn(loss=[4.0, 1.0, 0.5])
    middle = (LEFT + WIDTH - RIGHT) / 2
    assert line == ((LEFT, TOP), (middle, TOP + PANEL * 3 / 4), (WIDTH - RIGHT, TOP + PANEL * 7 / 8))
    assert ticks == ["0", "1", "2", "3", "4"]
    assert height == TOP + PANEL + loss_curves.GAP


def test_a_loss_that_falls_far_is_drawn_by_its_logarithm():
    (line,), ticks, _ = drawn(loss=[10.0, 0.1, 0.01])
    assert ticks == ["0.01", "0.1", "1", "10"]
    assert [y for _, y in line] == pytest.approx([TOP, TOP + PANEL * 2 / 3, TOP + PANEL])


def test_accuracies_have_a_panel_of_their_own_that_ends_at_1():
    lines, ticks, height = drawn(loss=[1.0, 0.5], accuracy=[0.5, 0.75], val_loss=[1.0, 1.0], val_accuracy=[0.5, 1.0])
    below = TOP + PANEL + loss_curves.GAP
    assert [y for _, y in lines[2]] == [below + PANEL, below + PANEL / 2]
    assert [y for _, y in lines[3]] == [below + PANEL, below]
    assert (ticks[-1], height) == ("1", below + PANEL + loss_curves.GAP)
    assert drawn(loss=[0.1, 0.1], accuracy=[1.0, 1.0])[1][-1] == "1"  # a curve of 1 alone


@pytest.mark.parametrize(
    "values", [[0.0, 0.0], [1.0, float("inf")], [float("nan")], [-2.0, -1.0], [5e-324, 1e299], [5e-324], [1.0, 1e308]]
)
def test_extreme_values_stay_inside_the_drawing(values):
    (line,), _, height = drawn(loss=values)
    assert all(LEFT <= x <= WIDTH and TOP <= y <= height for x, y in line)


def test_without_epochs_there_are_no_curves():
    assert drawn() == ([], [], TOP)


def test_one_epoch_is_a_dot():
    (line,), _, _ = drawn(loss=[0.3])
    assert line[0][1] == line[1][1]
    assert 0 < line[1][0] - line[0][0] < 5


@pytest.mark.parametrize(
    ("epochs", "labelled"),
    [(1, [1]), (3, [1, 2, 3]), (20, [1, 5, 10, 15, 20]), (313, [1, 50, 100, 150, 200, 250, 300])],
)
def test_the_first_epoch_and_round_numbers_are_labelled(epochs, labelled):
    assert loss_curves.labelled_epochs(epochs) == labelled


def test_ticks_are_round_numbers():
    assert list(Axis(0.0, 0.7, 0).ticks()) == pytest.approx([0, 0.2, 0.4, 0.6])
    assert list(Axis(0.83, 1.0, 0).ticks()) == pytest.approx([0.85, 0.9, 0.95, 1])
