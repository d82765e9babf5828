"""Records behave as frozen dataclasses do."""

from __future__ import annotations

from typing import ClassVar

import pytest

from convcli.core.records import Record, field, replace


class Point(Record):
    x: int
    y: int = 0
    tags: list[str] = field(factory=list)
    kind: ClassVar[str] = "point"


class Named(Point, kw_only=True):
    name: str


class Marked(Record):
    mark: int = 1


class Both(Named, Marked):
    pass


def test_fields_are_given_by_position_or_name_and_have_defaults():
    assert (Point(1).x, Point(1).y, Point(1, y=2).y, Point(1, 2).tags) == (1, 0, 2, [])
    assert Point(1).tags is not Point(1).tags
    assert Named(1, name="a") == Named(x=1, y=0, name="a")
    assert Both(x=3, name="b") == Both(1, 3, name="b")  # fields of all bases, those of the last base first


def test_equal_values_make_equal_records_of_the_same_class():
    assert Point(1, 2) == Point(1, 2) != Point(2, 2)
    assert Marked(1) != 1
    assert hash(Marked(2)) == hash(Marked(2))
    assert repr(Point(1)) == "Point(x=1, y=0, tags=[])"


def test_replace_leaves_the_record_as_it_is():
    record = Named(1, name="a")
    assert replace(record, y=5) == Named(1, 5, name="a")
    assert record.y == 0


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, "Point needs 'x'"),
        ((1,), {"z": 2}, "Point has no 'z'"),
        ((1, 2, [], 4), {}, "Point takes x, y, tags by position, each once"),
        ((1,), {"x": 2}, "Point takes x, y, tags by position, each once"),
    ],
)
def test_wrong_arguments_are_an_error(args, kwargs, message):
    with pytest.raises(TypeError, match=message):
        Point(*args, **kwargs)


def test_a_record_cannot_be_changed():
    point = Point(1)
    with pytest.raises(AttributeError, match=r"Point\.x cannot be set"):
        point.x = 2
    with pytest.raises(AttributeError, match=r"Point\.x cannot be deleted"):
        del point.x
