"""Steps: output shapes, weights, costs, receptive fields, and facts."""

from __future__ import annotations

import pytest

from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat
from convcli.model import steps
from convcli.model.receptive_field import PeriodicField, TracedAxis
from convcli.model.scaling import Scaling
from convcli.model.steps import Activate, ChangeShape, Correlate, GlobalPool, Merge, Pad, Pool, Resize, Weight
from convcli.model.window import Window

IDENTITY = (TracedAxis(0, PeriodicField.identity()), TracedAxis(1, PeriodicField.identity()))
KERNEL = Weight("kernel", (3, 3, 16, 256))


def test_a_grouped_correlation_has_a_kernel_of_its_groups_depth():
    step = Correlate((Window(3), Window(3)), KERNEL, 256, Weight("bias", (256,)), groups=4)
    assert step.output_shape((56, 56, 64)) == (54, 54, 256)
    assert step.kernels_2d == (64 // 4) * 256
    assert sum(weight.size for weight in step.weights) == 3 * 3 * 16 * 256 + 256
    assert step.macs((56, 56, 64)) == 54 * 54 * 3 * 3 * 16 * 256


def test_a_transposed_correlation_costs_each_input_cell_once_for_each_weight():
    window = Window(4, before=2, after=2, upsample=2)
    step = Correlate((window, window), Weight("kernel", (4, 4, 32, 64)), 32, transposed=True)
    assert step.output_shape((16, 16, 64)) == (32, 32, 32)
    assert step.macs((16, 16, 64)) == 16 * 16 * 4 * 4 * 32 * 64 == 8_388_608


def test_what_is_unknown_stays_unknown():
    step = Correlate((Window(3), Window(3)), KERNEL, 256)
    assert step.output_shape((None, 56, 16)) == (None, 54, 256)
    assert step.macs((None, 56, 16)) is None
    assert Merge("concatenate", axis=1).output_shape((4, None), (None, 3)) == (4, None)
    assert Merge("sum").output_shape((4, None), (1, 3)) == (4, 3)
    assert ChangeShape((None,)).output_shape((None, 3)) == (None,)


def test_a_misfit_names_the_axis():
    with pytest.raises(ConvcliError) as caught:
        Correlate((Window(3), Window(5)), KERNEL, 256).output_shape((8, 4, 16))
    assert str(caught.value) == (
        "width: a window of 5 cells does not fit in 4: (4 - 5 + 0 + 0) / 1 + 1 is below 1 (at least 5 would do)"
    )


def test_padding_adds_cells_and_cropping_removes_them():
    assert Pad(((1, 2), (-1, -2))).output_shape((4, 9, 3)) == (7, 6, 3)
    with pytest.raises(ConvcliError, match="cropping 2 \\+ 2 of 4 cells leaves none"):
        Pad(((-2, -2),)).output_shape((4, 1))
    with pytest.raises(ConvcliError, match="reflect padding of 4 on 4 cells \\(at most 3 here\\)"):
        Pad(((4, 0),), "reflect").output_shape((4, 1))
    with pytest.raises(ConvcliError, match="circular padding of 5 on 4 cells \\(at most 4 here\\)"):
        Pad(((5, 0),), "circular").output_shape((4, 1))


def test_pooling_padding_is_less_than_a_window():
    with pytest.raises(ConvcliError, match="padding of 3 around windows of 3 cells"):
        Pool("max", (Window(3, before=3, after=3),)).output_shape((8, 1))


def test_broadcasting_aligns_in_the_order_of_the_data_format():
    merge = Merge("sum", DataFormat.CHANNELS_FIRST)
    # (3, 8, 5) and (5,) as channels first: the 5 goes along the last axis, the width
    assert merge.output_shape((8, 5, 3), (5,)) == (8, 5, 3)
    with pytest.raises(ConvcliError, match=r"shapes \(8, 5, 3\) and \(3,\) do not broadcast"):
        merge.output_shape((8, 5, 3), (3,))
    assert Merge("sum").output_shape((8, 5, 3), (3,)) == (8, 5, 3)


def test_concatenated_values_have_the_other_extents_in_common():
    merge = Merge("concatenate", axis=2)
    assert merge.output_shape((4, 4, 3), (4, 4, 5)) == (4, 4, 8)
    for wrong in ((4, 5, 5), (4, 4)):
        with pytest.raises(ConvcliError, match="cannot concatenate"):
            merge.output_shape((4, 4, 3), wrong)


def test_glu_halves_its_axis():
    assert Activate("glu", axes=(1,)).output_shape((4, 6)) == (4, 3)
    with pytest.raises(ConvcliError, match="glu halves its axis, which has 5 cells"):
        Activate("glu", axes=(1,)).output_shape((4, 5))


def extents(field):
    """Return the receptive field in cells along each input axis, None or "whole" for the whole of it."""
    return [seen.field.extent if isinstance(seen, TracedAxis) else seen for seen in field]


def seen(*windows):
    """Return the receptive field of windows of these sizes, one along each input axis."""
    return tuple(TracedAxis(axis, PeriodicField.identity().through(Window(size))) for axis, size in enumerate(windows))


def test_a_branch_that_sees_the_whole_gives_way_to_one_with_windows():
    whole = GlobalPool("average").trace([IDENTITY], [(8, 9, 4)])
    assert whole == (None, None)
    merge = Merge("product")
    assert merge.trace([IDENTITY, whole], [(8, 9, 4), (4,)]) == IDENTITY
    assert merge.trace([whole, whole], [(4,), (4,)]) == whole
    assert merge.trace([seen(3, 5), None], [(8, 9, 4), (4,)]) == seen(3, 5)


def test_a_branch_that_mixes_the_cells_along_an_axis_does_not_give_way():
    mixed = Activate("softmax", axes=(0,)).trace([IDENTITY], [(8, 9, 4)])
    assert extents(Merge("product").trace([IDENTITY, mixed], [(8, 9, 4), (8, 9, 4)])) == ["whole", 1]
    height_last = steps.MoveAxes((2, 1, 0)).trace([IDENTITY], [(8, 9, 4)])  # the height is the channels
    assert extents(steps.MoveBlocks((2, 1), spread=True).trace([height_last], [(4, 9, 8)])) == ["whole", 1]


def test_branches_see_the_larger_window():
    assert extents(Merge("sum").trace([seen(3, 5), seen(7, 2)], [(8, 9, 4), (8, 9, 4)])) == [7, 5]


def test_where_the_cells_of_a_branch_are_repeated_the_whole_is_seen():
    far = tuple(TracedAxis(axis, PeriodicField.identity().through(Window(3, 6))) for axis in (0, 1))
    assert Merge("product").trace([IDENTITY, far], [(8, 8, 1), (1, 1, 1)]) == ("whole", "whole")
    assert extents(Merge("product").trace([None, far], [(8, 2, 1), (1, 2, 1)])) == ["whole", 3]


def test_branches_that_follow_an_axis_along_different_axes_see_the_whole():
    swapped = steps.MoveAxes((1, 0, 2)).trace([IDENTITY], [(8, 8, 4)])
    assert Merge("sum").trace([IDENTITY, swapped], [(8, 8, 4), (8, 8, 4)]) == ("whole", "whole")


def test_along_the_axis_of_a_concatenation_the_whole_is_seen():
    assert extents(Merge("concatenate", axis=0).trace([seen(3, 5), seen(1, 1)], [(8, 8, 4), (8, 8, 4)])) == ["whole", 5]


def test_the_axes_of_a_branch_of_lower_rank_are_traced_where_it_is_aligned():
    (traced,) = Merge("sum").trace([None, (TracedAxis(0, PeriodicField.identity()),)], [(8, 8, 3), (8, 3)])
    assert traced == TracedAxis(1, PeriodicField.identity())
    (traced,) = Merge("sum", DataFormat.CHANNELS_FIRST).trace(
        [None, (TracedAxis(0, PeriodicField.identity()),)], [(8, 9, 3), (9, 8)]
    )
    # (8, 9) with channels first: its channels lie along the height, its length along the width.
    assert traced == TracedAxis(1, PeriodicField.identity())


def test_axes_are_traced_through_another_order():
    swapped = steps.MoveAxes((1, 0, 2)).trace([IDENTITY], [(8, 9, 4)])
    windows = (Window(5), Window(3))  # the first slides over the input's second axis
    assert extents(Pool("max", windows).trace([swapped], [(9, 8, 4)])) == [3, 5]


def test_an_axis_among_the_channels_is_mixed_by_a_kernel_but_not_by_pooling():
    width_last = steps.MoveAxes((2, 0, 1)).trace([IDENTITY], [(8, 9, 4)])  # the width is the channels
    dense = Correlate((Window(1), Window(1)), Weight("kernel", (9, 5)), 5)
    assert extents(dense.trace([width_last], [(4, 8, 9)])) == [1, "whole"]
    for keepdims, axis in ((False, 0), (True, 2)):
        height, width = GlobalPool("max", keepdims).trace([width_last], [(4, 8, 9)])
        assert height is None  # which gives way in a merge, "whole" does not
        assert width == TracedAxis(axis, PeriodicField.identity())
    assert extents(Activate("softmax", axes=(0, 1)).trace([IDENTITY], [(8, 9, 4)])) == ["whole", "whole"]


def test_axes_with_the_same_cells_are_traced_through_another_shape():
    assert extents(ChangeShape((8, 9, 2, 2)).trace([seen(3, 5)], [(8, 9, 4)])) == [3, 5]
    assert extents(ChangeShape((8, 36, 1)).trace([seen(3, 5)], [(8, 9, 4)])) == [3, None]
    assert extents(ChangeShape((288,)).trace([seen(3, 5)], [(8, 9, 4)])) == [None, None]
    assert extents(ChangeShape((None, 9, 2, 2)).trace([seen(3, 5)], [(None, 9, 4)])) == [3, 5]
    assert extents(ChangeShape((8, 9)).trace([seen(3, 5)], [(8, 9, 1)])) == [3, 5]
    assert extents(ChangeShape((None, 6)).trace([seen(3, 5)], [(None, 4, 3)])) == ["unknown", "unknown"]
    assert extents(ChangeShape((None, 4)).trace([seen(3, 5)], [(None, 9, 4)])) == ["unknown", "unknown"]
    assert extents(ChangeShape((None, None)).trace([seen(3, 5)], [(None, 4, None)])) == ["unknown", "unknown"]


@pytest.mark.parametrize(
    ("interpolation", "factor", "extent"),
    [("nearest", 3, 1), ("bilinear", 2, 2), ("bilinear", 3, 2), ("bicubic", 2, 4), ("lanczos3", 2, 6)],
)
def test_interpolation_sees_the_cells_that_it_reads(interpolation, factor, extent):
    (traced,) = Resize((Scaling(factor),), interpolation).trace([(TracedAxis(0, PeriodicField.identity()),)], [(9, 1)])
    assert (traced.field.extent, traced.field.jump * factor) == (extent, 1)


SQUARE, OBLONG = (Window(3), Window(3)), (Window(3), Window(1))


@pytest.mark.parametrize(
    ("step", "isotropic"),
    [
        (Correlate(SQUARE, KERNEL, 256), True),
        (Correlate(OBLONG, KERNEL, 256), False),
        (Pool("max", OBLONG), False),
        (GlobalPool("max"), True),
        (Pad(((1, 1), (1, 1))), True),
        (Pad(((1, 1), (0, 0))), False),
        (Resize((Scaling(2), Scaling(2))), True),
        (Resize((Scaling(2), Scaling(1))), False),
        (ChangeShape((128,)), True),
        (ChangeShape((4, 4, 8)), False),
        (steps.MoveAxes((1, 0, 2)), False),
        (Activate("softmax", axes=(2,)), True),
        (Activate("softmax", axes=(0, 1)), True),
        (Activate("softmax", axes=(1,)), False),
        (steps.Scale("batch", (0,)), False),
        (steps.Normalize((0, 1, 2), 1e-3), True),
        (Merge("concatenate", axis=2), True),
        (Merge("concatenate", axis=0), False),
    ],
)
def test_a_step_says_whether_it_treats_all_spatial_axes_alike(step, isotropic):
    assert step.is_isotropic((8, 8, 2)) is isotropic


def test_a_step_that_only_moves_values_says_so():
    moving = [
        Pad(((1, 1),)),
        Resize((Scaling(2),)),
        ChangeShape((4,)),
        steps.MoveAxes((1, 0)),
        Merge("concatenate", axis=0),
    ]
    computing = [
        Resize((Scaling(2),), "bilinear"),
        Merge("sum"),
        GlobalPool("max"),
        Activate("relu"),
        steps.Scale("affine", ()),
    ]
    assert all(step.moves_values for step in moving)
    assert not any(step.moves_values for step in computing)


def test_only_padding_without_added_cells_crops():
    assert Pad(((-1, 0), (0, -2))).only_crops
    assert not Pad(((-1, 1), (0, 0))).only_crops


def test_a_merge_of_values_alone_each_taken_once_is_plain():
    assert Merge("sum").is_plain
    assert not Merge("sum", coefficients=(1, -1)).is_plain
    assert not Merge("product", constants=((1, 2.0),)).is_plain
