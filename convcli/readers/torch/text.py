"""Models as PyTorch's users write and print them: the expression `nn.Sequential(…)`, and the text of `print(model)`.

Neither is ever run. Only `Sequential` has an order of use; the text of any other module lists its parts in the order in
which they were modules, and says nothing about functions, additions and concatenations between them.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from convcli.core.errors import ConvcliError, located, short_repr
from convcli.core.option_names import option
from convcli.core.records import Record, replace
from convcli.readers.call_form import SEQUENTIAL, LayerCall, call_of, parse_python
from convcli.readers.python_code import statements_about_layers
from convcli.readers.torch.classes import CLASSES

PRINTED_LINE = re.compile(r"(?:\((?P<name>[^()]*)\): )?(?:(?P<count>\d+) x )?(?P<call>[A-Za-z_]\w*\(.*)")
MOST_CHARACTERS = 1 << 22  # of a printed model
MOST_LAYERS = 1 << 16  # lists of lists multiply
MOST_REPEATS = 1 << 12  # modules that one line stands for


class Module(Record):
    """A module as it is written: a layer, or a container of named modules."""

    name: str
    call: LayerCall
    parts: tuple[Module, ...] | None = None  # None for a layer

    @property
    def is_sequential(self) -> bool:
        """True if its parts follow each other."""
        return self.call.type == SEQUENTIAL


def expression_mapping(text: str) -> dict[str, Any]:
    """Return the plain mapping of a model in an expression. Raises `ConvcliError`."""
    tree = parse_python(text, "model", "such as nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())")
    return _mapping(_module("", tree), ())


def printed_mapping(text: str, listed_order: bool) -> dict[str, Any]:
    """Return the plain mapping of a printed model. Raises `ConvcliError` where it does not say the order of use."""
    return _printed_mapping(_printed_module(text), listed_order)


def expression_in(text: str) -> str:
    """Return the one expression in a file beside imports and such calls as `print(model)`. Raises `ConvcliError`."""
    if len(text) > MOST_CHARACTERS:
        raise ConvcliError(f"{len(text):,} characters", f"at most {MOST_CHARACTERS:,}")
    try:
        values = statements_about_layers(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ConvcliError(f"is not an expression: {getattr(error, 'msg', str(error))}", "nn.Sequential(…)") from None
    if len(values) != 1 or not isinstance(values[0], ast.Expr | ast.Assign):
        raise ConvcliError("holds more than one expression", "nn.Sequential(…) alone, or after imports; no code is run")
    return ast.unparse(values[0].value)


# ---- expressions ----


def _module(name: str, tree: ast.expr) -> Module:
    """Return the module that an expression makes. Raises `ConvcliError`."""
    if isinstance(tree, ast.Call) and _class_of(tree) == SEQUENTIAL:
        return Module(name, LayerCall(SEQUENTIAL), tuple(_parts(name, tree)))
    with located(name or "model"):
        if not isinstance(tree, ast.Call):
            raise ConvcliError(f"{short_repr(ast.unparse(tree))} is not a module", "such as nn.ReLU()")
        return Module(name, call_of(tree, ast.unparse(tree)))


def _parts(name: str, tree: ast.Call) -> Iterator[Module]:
    """Yield the parts of a Sequential: its arguments by number, or those of a mapping by name."""
    if tree.keywords:
        raise ConvcliError(f"Sequential has no argument {tree.keywords[0].arg}", "modules, or an OrderedDict of them")
    pairs = _named_parts(tree.args[0]) if len(tree.args) == 1 else None
    for key, value in pairs or enumerate(tree.args):
        yield _module(f"{name}.{key}" if name else str(key), value)


def _named_parts(tree: ast.expr) -> list[tuple[str, ast.expr]] | None:
    """Return the modules of an OrderedDict or a dict by name, None for anything else."""
    if isinstance(tree, ast.Call) and _class_of(tree) in ("OrderedDict", "dict"):
        if tree.keywords and not tree.args:
            return [(str(keyword.arg), keyword.value) for keyword in tree.keywords]
        inner = tree.args[0] if len(tree.args) == 1 else None
        if isinstance(inner, ast.List | ast.Tuple):
            items = [item.elts for item in inner.elts if isinstance(item, ast.Tuple | ast.List) and len(item.elts) == 2]
            if len(items) == len(inner.elts):
                return [(_key(key), value) for key, value in items]
        return _named_parts(inner) if isinstance(inner, ast.Dict) else None
    if isinstance(tree, ast.Dict):
        return [(_key(key), value) for key, value in zip(tree.keys, tree.values, strict=True)]
    return None


def _key(tree: ast.expr | None) -> str:
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str) and tree.value and "." not in tree.value:
        return tree.value
    raise ConvcliError(f"{short_repr(ast.unparse(tree) if tree else '**')} is not a name", "text without dots")


def _class_of(tree: ast.Call) -> str | None:
    return tree.func.attr if isinstance(tree.func, ast.Attribute) else getattr(tree.func, "id", None)


# ---- print(model) ----


def _printed_module(text: str) -> Module:
    """Return the module that a printed text shows. Raises `ConvcliError`, which names the line."""
    if len(text) > MOST_CHARACTERS:
        raise ConvcliError(f"{len(text):,} characters", f"at most {MOST_CHARACTERS:,}")
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    open_modules: list[tuple[list[str], LayerCall, list[Module]]] = []
    root: list[Module] = []
    for number, line in lines:
        with located(f"line {number}"):
            if root:
                raise ConvcliError(f"{short_repr(line)} follows the model", "one printed model alone")
            if line == ")":
                if not open_modules:
                    raise ConvcliError("a parenthesis closes nothing", "a printed model")
                names, call, parts = open_modules.pop()
                shared = tuple(parts)
                modules = [Module(name, call, shared) for name in names]
                (open_modules[-1][2] if open_modules else root).extend(modules)
                continue
            match = PRINTED_LINE.fullmatch(line)
            if match is None or (match["name"] is None) == bool(open_modules):
                if open_modules:  # what a module says of itself beside its parts
                    continue
                raise ConvcliError(f"{short_repr(line)} is not a printed module", "such as (0): ReLU()")
            names = _names(match["name"], match["count"])
            if match["call"].endswith("("):
                open_modules.append((names, LayerCall(match["call"][:-1]), []))
                continue
            call = _printed_call(match["call"])
            modules = [Module(name, call) for name in names]
            (open_modules[-1][2] if open_modules else root).extend(modules)
    if open_modules or not root:
        raise ConvcliError("the text ends within a module", "all lines that print(model) writes")
    return replace(root[0], name="")


def _names(name: str | None, count: str | None) -> list[str]:
    """Return the names of the equal modules that a line stands for: `0-5` with a count is 0 to 5."""
    parts = (name or "").split("-")
    if count is None or len(parts) != 2 or not all(part.isdigit() for part in parts):
        return [name or ""]
    first, last = map(int, parts)
    if not 0 <= last - first < MOST_REPEATS:
        raise ConvcliError(f"{name} stands for {last - first + 1} modules", f"1 to {MOST_REPEATS}")
    return [str(number) for number in range(first, last + 1)]


def _printed_call(text: str) -> LayerCall:
    """Return the call that a line shows: texts stand without quotes, and a lazy layer shows 0 for what is open."""
    class_name = text.partition("(")[0]
    if class_name not in CLASSES:
        return LayerCall(class_name)  # its arguments are not in PyTorch's words, and are not needed
    call = call_of(parse_python(text, "printed module", "as print(model) writes it"), text, names_are_text=True)
    known = {argument.name for argument in CLASSES[class_name].arguments}
    named = {name: value for name, value in call.named.items() if name in known}
    unknown = [name for name in call.named if name not in known]
    if class_name.startswith("Lazy"):
        return replace(call, positional=call.positional[1:], named=named)
    if unknown and class_name.startswith("Upsampling"):  # these print the mode, which they do not take
        return replace(call, named=named)
    return call


def _printed_mapping(module: Module, listed_order: bool) -> dict[str, Any]:
    others = sorted({part.call.type for part in _containers(module) if not part.is_sequential})
    if others and not listed_order:
        listed = ", ".join(others[:4]) + (", …" if len(others) > 4 else "")
        raise ConvcliError(
            f"the printed text of {listed} does not say in which order its parts are used",
            f"nn.Sequential(…), or {option('listed-order')} to take them one after the other",
        )
    if others:
        warnings.warn(
            f"{', '.join(others[:4])}: the parts are taken in the order of the text; what else forward does "
            "(functions, additions, concatenations) is not in it",
            stacklevel=2,
        )
    mapping = _mapping(module, others)
    warn_of_hidden(mapping["layers"])
    return mapping


def _containers(module: Module, seen: set[int] | None = None) -> Iterator[Module]:
    """Yield a container and those in it; of equal ones, which share their parts, the first."""
    seen = set() if seen is None else seen
    if module.parts is not None and id(module.parts) not in seen:
        seen.add(id(module.parts))
        yield module
        for part in module.parts:
            yield from _containers(part, seen)


# ---- the mapping ----


def _mapping(module: Module, others: Sequence[str]) -> dict[str, Any]:
    """Return the plain mapping of the layers of a module, one after the other. `others` are containers in it."""
    leaves = list(islice(_leaves(module, ""), MOST_LAYERS + 1))
    if len(leaves) > MOST_LAYERS:
        raise ConvcliError("too many layers", f"at most {MOST_LAYERS:,}")
    layers = [replace(call, named={**call.named, "name": name}) for name, call in leaves]
    if not layers:
        raise ConvcliError("the model has no layers", "at least one")
    if others:
        layers = list(_with_flatten(layers))
    return {"dialect": "torch", "layers": layers}


def _leaves(module: Module, prefix: str) -> Iterator[tuple[str, LayerCall]]:
    """Yield the layers of a module with their paths."""
    path = module.name if "." in module.name or not prefix else f"{prefix}.{module.name}"
    if module.parts is None:
        yield path or "0", module.call
    for part in module.parts or ():
        yield from _leaves(part, path)


def _with_flatten(layers: Sequence[LayerCall]) -> Iterator[LayerCall]:
    """Yield layers that are taken in listed order, with the `torch.flatten` that goes before the first Linear.

    It is a function, so it is not in the text. A Linear after layers of maps does not work without it.
    """
    in_space = False
    for call in layers:
        if call.type in ("Linear", "LazyLinear") and in_space:
            name = f"{call.named['name']}.flatten"
            warnings.warn(
                f"torch.flatten is taken to stand before {call.named['name']}, a Linear after maps", stacklevel=2
            )
            yield LayerCall("Flatten", named={"name": name})
        if call.type in ("Linear", "LazyLinear", "Flatten"):
            in_space = False
        elif call.type in CLASSES and min(CLASSES[call.type].input_axes, default=1) > 1:
            in_space = True
        yield call


def warn_of_hidden(layers: Sequence[LayerCall]) -> None:
    """Warn of options that a printed model does not show, for each class in it; PyTorch's defaults are taken."""
    for class_name in dict.fromkeys(call.type for call in layers):
        row = CLASSES.get(class_name)
        calls = [call for call in layers if call.type == class_name]
        if class_name == "Upsample":
            calls = [call for call in calls if not str(call.named.get("mode", "nearest")).startswith("nearest")]
        if row is None or not row.hidden or not calls:
            continue
        defaults = {argument.name: argument.default for argument in row.arguments}
        taken = ", ".join(f"{name}={defaults[name]}" for name in row.hidden)
        names = ", ".join(str(call.named["name"]) for call in calls[:4]) + (", …" if len(calls) > 4 else "")
        warnings.warn(f"{names}: {class_name} does not print all its options; {taken} is taken", stacklevel=2)
