"""Names in the code: what the style of the project asks of them, and that a break of it is found."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Mapping

import pytest
from conftest import ROOT


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
