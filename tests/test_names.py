"""Names and docstrings in the code are as the style of the project has them, and a break of it is found."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

import pytest
from conftest import ROOT

# Words that do not say what a variable holds: only for comprehensions that are read at one glance.
VAGUE = {"each", "one", "found", "given", "made", "kept", "place", "asked", "wanted"}
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# A docstring begins with a verb or a noun phrase that states the thing.
INDIRECT = re.compile(r"(What|Which|How|Whether|The same|See)\b")


def modules() -> dict[str, str]:
    """Return the source of each module of convcli by its path in the project."""
    return {str(path.relative_to(ROOT)): path.read_text() for path in sorted((ROOT / "convcli").rglob("*.py"))}


def repeated_classes(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the class names that several classes have, with the paths of their modules."""
    paths = defaultdict(list)
    for path, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef):
                paths[node.name].append(path)
    return {name: places for name, places in paths.items() if len(places) > 1}


def test_no_two_classes_have_the_same_name():
    assert repeated_classes(modules()) == {}


@pytest.mark.parametrize("source", ["class Window: ...", "def f():\n    class Window: ..."])
def test_a_class_name_that_is_taken_is_found(source):
    paths = ["convcli/io/x.py", "convcli/model/window.py"]
    assert repeated_classes({"convcli/io/x.py": source, **modules()}) == {"Window": paths}


def vague_names(source: str) -> Iterator[str]:
    """Yield the line and the name of each variable or parameter with a vague name."""
    tree = ast.parse(source)
    short = [node for node in ast.walk(tree) if isinstance(node, COMPREHENSIONS) and node.lineno == node.end_lineno]
    allowed = {id(inner) for comprehension in short for inner in ast.walk(comprehension)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            name = node.id
        elif isinstance(node, ast.arg):
            name = node.arg
        else:
            continue
        if name in VAGUE and id(node) not in allowed:
            yield f"{node.lineno} {name}"


def indirect_docstrings(source: str) -> Iterator[str]:
    """Yield the first line of each docstring that begins with a question word, or points elsewhere."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node) or ""
            if INDIRECT.match(text):
                yield text.partition("\n")[0]


def test_variables_say_what_they_hold():
    assert [f"{path}:{name}" for path, source in modules().items() for name in vague_names(source)] == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("for place in range(3): ...", ["1 place"]),
        ("def f(x, *, given=0): ...", ["1 given"]),
        ("if (found := f()): ...", ["1 found"]),
        ("x = [\n    each\n    for each in y\n]", ["3 each"]),
        ("x = [each for each in y]\nkept = 1", ["2 kept"]),
        ("x = {one: other for one, other in y}", []),
    ],
)
def test_a_vague_name_is_found_outside_a_comprehension_of_one_line(source, names):
    assert list(vague_names(source)) == names


def test_docstrings_begin_with_a_verb_or_a_noun_phrase():
    assert [f"{path}: {line}" for path, source in modules().items() for line in indirect_docstrings(source)] == []


def test_an_indirect_docstring_is_found():
    source = (
        '"""Somewhat."""\nclass A:\n    """How it is.\n\n    More."""\n    def f(self):\n        """See the package."""'
    )
    assert list(indirect_docstrings(source)) == ["How it is.", "See the package."]
