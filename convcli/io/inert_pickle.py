"""Read pickles without running anything: their opcodes make plain values, and call only functions of an allow-list.

Python's own unpickler imports what a pickle names and sets aside whatever memory it claims. This one knows the names
that it is given, and every opcode adds at most one value. Source of the opcodes: the standard library's `pickletools`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.records import Record

MAX_BYTES = 1 << 23  # of one pickle: the names and shapes of some 50,000 tensors; values take up to 64 times as much
MAX_COPIED = 1 << 22  # entries that calls may copy in all: a list can be an argument of many
KEYS = (str, int)  # the types of keys; tuples would be hashed through all that they hold
CONSTANTS: Mapping[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
EMPTY: Mapping[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
TEXTS = [f"{size}BIN{kind}" for size in ("", "SHORT_") for kind in ("UNICODE", "STRING", "BYTES")]
LITERALS = {*TEXTS, "BINUNICODE8", "BINBYTES8", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"}
IGNORED = frozenset(("PROTO", "FRAME"))
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class Name(Record):
    """A function or class that a pickle names, as the allow-list knows it."""

    name: str
    call: Callable[..., Any]


class Unpickler:
    """One pickle after another from a stream of bytes.

    Args:
        stream: where the pickles are.
        find: returns what stands for a `module.name`, or raises: the allow-list. What it calls a `Name` may be called.
        persistent: makes the value of a persistent id, which a pickle has for what is stored outside of it.
    """

    def __init__(self, stream: BytesIO, find: Callable[[str], Any], persistent: Callable[[Any], Any]) -> None:
        self.stream, self.find, self.persistent = stream, find, persistent
        self.copied = 0
        self.stack: list[Any] = []
        self.marks: list[int] = []  # the height of the stack at each mark
        self.memo: dict[int, Any] = {}

    def load(self) -> Any:
        """Return the value of the next pickle. Raises `ConvcliError`."""
        import pickletools

        self.stack, self.marks, self.memo = [], [], {}
        start = self.stream.tell()
        try:
            for opcode, argument, _ in pickletools.genops(self.stream):
                if self.stream.tell() - start > MAX_BYTES:
                    raise ConvcliError(f"a pickle of more than {MAX_BYTES:,} bytes")
                self._execute(opcode.name, argument)
            return self.stack.pop()
        except ConvcliError:
            raise
        except Exception as error:  # pickletools and the stack raise many kinds on damaged bytes
            problem = " ".join(str(error).split())[:200] or type(error).__name__
            raise ConvcliError(f"broken pickle: {problem}") from None

    def _execute(self, opcode: str, argument: Any) -> None:
        if opcode in LITERALS:
            self.stack.append(argument)
        elif opcode in CONSTANTS:
            self.stack.append(CONSTANTS[opcode])
        elif opcode in EMPTY:
            self.stack.append(EMPTY[opcode]())
        elif opcode in TUPLES:
            self.stack[-TUPLES[opcode] :] = [tuple(self._last(TUPLES[opcode]))]
        elif opcode not in IGNORED and opcode != "STOP":
            operation = OPERATIONS.get(opcode)
            if operation is None:
                raise ConvcliError(f"the pickle opcode {opcode}, which no file of weights needs")
            operation(self, argument)

    def _last(self, count: int) -> list[Any]:
        if len(self.stack) < count + (self.marks[-1] if self.marks else 0):
            raise IndexError("too few values on the stack")
        return self.stack[-count:]

    def _since_mark(self) -> list[Any]:
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def _mark(self, _: Any) -> None:
        self.marks.append(len(self.stack))

    def _tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._since_mark()))

    def _memoize(self, index: int | None) -> None:
        self.memo[len(self.memo) if index is None else index] = self.stack[-1]

    def _recall(self, index: int) -> None:
        self.stack.append(self.memo[index])

    def _append(self, _: Any) -> None:
        self._extend([self.stack.pop()])

    def _appends(self, _: Any) -> None:
        self._extend(self._since_mark())

    def _extend(self, values: list[Any]) -> None:
        self._expect(list).extend(values)

    def _set_item(self, _: Any) -> None:
        key, value = self._last(2)
        del self.stack[-2:]
        self._update([key, value])

    def _set_items(self, _: Any) -> None:
        self._update(self._since_mark())

    def _update(self, flat: list[Any]) -> None:
        self._expect(dict).update(pairs_to_dict(list(zip(flat[::2], flat[1::2], strict=True))))

    def _expect(self, kind: type) -> Any:
        if type(self.stack[-1]) is not kind:
            raise ConvcliError(f"a pickle that fills a {type(self.stack[-1]).__name__} as a {kind.__name__}")
        return self.stack[-1]

    def _name(self, argument: str) -> None:
        self._find(*argument.split(" ", 1))

    def _stack_name(self, _: Any) -> None:
        module, name = self._last(2)
        del self.stack[-2:]
        self._find(module, name)

    def _find(self, module: Any, name: Any) -> None:
        if type(module) is not str or type(name) is not str:
            raise ConvcliError("a pickle that names something by what is not a text")
        self.stack.append(self.find(f"{module}.{name}"))

    def _call(self, _: Any) -> None:
        function, arguments = self._last(2)
        del self.stack[-2:]
        if type(function) is not Name or type(arguments) is not tuple:
            raise ConvcliError("a pickle that calls what is not a function")
        self.copied += len(arguments) + sum(len(value) for value in arguments if isinstance(value, list | tuple))
        if self.copied > MAX_COPIED:
            raise ConvcliError(f"a pickle whose calls copy more than {MAX_COPIED:,} values")
        self.stack.append(function.call(*arguments))

    def _persistent(self, _: Any) -> None:
        self.stack.append(self.persistent(self.stack.pop()))

    def _build(self, _: Any) -> None:
        self.stack.pop()  # attributes beside the value: PyTorch's versions of layers, hooks


OPERATIONS: Mapping[str, Callable[[Unpickler, Any], None]] = {
    "MARK": Unpickler._mark,
    "TUPLE": Unpickler._tuple,
    "BINPUT": Unpickler._memoize,
    "LONG_BINPUT": Unpickler._memoize,
    "MEMOIZE": Unpickler._memoize,
    "BINGET": Unpickler._recall,
    "LONG_BINGET": Unpickler._recall,
    "APPEND": Unpickler._append,
    "APPENDS": Unpickler._appends,
    "SETITEM": Unpickler._set_item,
    "SETITEMS": Unpickler._set_items,
    "GLOBAL": Unpickler._name,
    "STACK_GLOBAL": Unpickler._stack_name,
    "REDUCE": Unpickler._call,
    "NEWOBJ": Unpickler._call,
    "BINPERSID": Unpickler._persistent,
    "BUILD": Unpickler._build,
}


def pairs_to_dict(pairs: Any = ()) -> dict[Any, Any]:
    """Return a mapping of pairs whose keys are texts or whole numbers. Raises `ConvcliError`."""
    for key, _ in pairs:
        if type(key) not in KEYS:
            raise ConvcliError(f"a pickle with a {type(key).__name__} as a key", "a text")
    return dict(pairs)
