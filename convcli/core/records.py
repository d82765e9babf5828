"""Small immutable classes with named fields, like frozen dataclasses.

`dataclasses` compiles code for every class. For the hundred small classes of this package, that alone takes longer
than everything else at start-up; `Record` compiles nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Callable[[Any], Any]:
        return lambda cls: cls


MISSING: Any = object()  # stands for no default


class Field:
    """A field of a class, written as a value where a plain default is not enough.

    `factory` makes a default for each object. `kw_only` fields cannot be given by position; None leaves that to the
    class.
    """

    __slots__ = ("default", "factory", "kw_only")

    def __init__(
        self, default: Any = MISSING, factory: Callable[[], Any] | None = None, kw_only: bool | None = None
    ) -> None:
        self.default = default
        self.factory = factory
        self.kw_only = kw_only

    @property
    def required(self) -> bool:
        """True if the field has no default."""
        return self.default is MISSING and self.factory is None


def field(*, default: Any = MISSING, factory: Callable[[], Any] | None = None) -> Any:
    """Return a field with a default, or with one that `factory` makes for each object."""
    return Field(default, factory)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Record:
    """The base class of all records: the annotations of a class are its fields, after those that it inherits."""

    __fields__: ClassVar[dict[str, Field]] = {}
    __positional__: ClassVar[tuple[str, ...]] = ()  # the fields that may be given by position
    __defaults__: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, kw_only: bool = False) -> None:
        fields: dict[str, Field] = {}
        for base in reversed(cls.__mro__[1:]):
            fields |= base.__dict__.get("__fields__", {})
        for name, annotation in cls.__annotations__.items():
            if not str(annotation).startswith("ClassVar"):
                fields[name] = cls._make_field(name, kw_only)
        cls.__fields__ = fields
        cls.__positional__ = tuple(name for name, item in fields.items() if not item.kw_only)
        cls.__defaults__ = {name: item.default for name, item in fields.items() if item.default is not MISSING}

    @classmethod
    def _make_field(cls, name: str, kw_only: bool) -> Field:
        """Return the field that the class body declares. The class attribute becomes the default, if there is one."""
        item = cls.__dict__.get(name, MISSING)
        if not isinstance(item, Field):
            item = Field(item)
        elif item.default is MISSING:
            delattr(cls, name)
        else:
            setattr(cls, name, item.default)
        item.kw_only = kw_only if item.kw_only is None else item.kw_only
        return item

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        names, values = self.__positional__, self.__dict__
        values.update(self.__defaults__)
        if args:
            if len(args) > len(names) or not kwargs.keys().isdisjoint(names[: len(args)]):
                raise TypeError(f"{type(self).__name__} takes {', '.join(names)} by position, each once")
            values.update(zip(names, args, strict=False))
        values.update(kwargs)
        if len(values) != len(self.__fields__) or not kwargs.keys() <= self.__fields__.keys():
            self._complete()
        self.__post_init__()

    def _complete(self) -> None:
        """Set the fields whose defaults are made for each object. Raises `TypeError` for an unknown or missing one."""
        for name in self.__dict__:
            if name not in self.__fields__:
                raise TypeError(f"{type(self).__name__} has no {name!r}")
        for name, item in self.__fields__.items():
            if name not in self.__dict__:
                if item.factory is None:
                    raise TypeError(f"{type(self).__name__} needs {name!r}")
                self.__dict__[name] = item.factory()

    def __post_init__(self) -> None:
        """Do what a class adds once the fields are set."""

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted")

    def _values(self) -> tuple[Any, ...]:
        return tuple(self.__dict__[name] for name in self.__fields__)

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={self.__dict__[name]!r}" for name in self.__fields__)
        return f"{type(self).__name__}({inner})"


RecordType = TypeVar("RecordType", bound=Record)


def replace(record: RecordType, **changes: Any) -> RecordType:
    """Return a copy of a record with other values for some of its fields."""
    return type(record)(**{**{name: record.__dict__[name] for name in record.__fields__}, **changes})
