"""The architecture: imports go strictly down, siblings do not import each other, heavy modules come when needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

# Each module or package of convcli, by floor.
FLOORS = {
    0: {"errors", "_lazy", "records", "signals", "units"},
    1: {"activations", "bank", "claims", "geometry", "memory", "palette", "threads", "trial"},
    2: {"archives", "documents", "files", "pictures"},
    3: {"arrays", "reach", "settings"},
    4: {"batches", "steps", "stored"},
    5: {"algorithms", "inputs", "layers"},
    6: {"entries", "given", "model", "readers"},
    7: {"costs", "engine", "sights", "sizes", "spec", "weights", "working"},
    8: {"explanations", "learning"},
    9: {"report"},
    10: {"api", "render"},
    11: {"cli"},
    12: {"__main__", "__init__"},
}
FLOOR_OF = {name: floor for floor, names in FLOORS.items() for name in names}


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules of convcli that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "convcli":
            parts = node.module.split(".")
            yield from [parts[1]] if len(parts) > 1 else (alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("convcli."))


def violations(place: str, source: str) -> list[str]:
    """The imports of a module at `place` that do not go down."""
    return [
        f"{place} imports {name}"
        for name in imports(ast.parse(source))
        if name != place and FLOOR_OF[name] >= FLOOR_OF[place]
    ]


def modules() -> list[Path]:
    return sorted((ROOT / "convcli").rglob("*.py"))


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path):
    place = path.relative_to(ROOT / "convcli").parts[0].removesuffix(".py")
    assert violations(place, path.read_text()) == []


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("geometry", "from convcli.steps import Step"),
        ("steps", "from convcli import stored"),
        ("layers", "def f():\n    import convcli.model"),
    ],
)
def test_an_import_that_goes_up_or_sideways_is_found(place, source):
    assert violations(place, source)


def test_every_module_has_a_floor():
    found = {path.relative_to(ROOT / "convcli").parts[0].removesuffix(".py") for path in modules()}
    assert found == set(FLOOR_OF)


HEAVY = ("numpy", "rich", "yaml", "PIL")
MODEL = "{layers: [{Conv2D: {filters: {line: [[0, 1], [1, 0]]}}}], input: [8, 8, 1]}"


@pytest.mark.parametrize(
    ("arguments", "stdin", "allowed"),
    [
        (["--help"], "", set()),
        (["apply", "--help"], "", set()),
        (["shape", "-l", "Conv2D(40, 3)", "-i", "28x28x1", "-f", "json"], "", set()),
        (["shape", "-", "-f", "csv"], MODEL, {"yaml"}),
        (["shape", "-l", "Conv2D(40, 3)", "-i", "28x28x1", "-f", "dot"], "", set()),
        (["shape", "-l", "Conv2D(40, 3)", "-i", "28x28x1"], "", {"rich"}),
        (["shape", "-l", "Conv2D('line-vertical')", "-i", "28x28x1", "-f", "json"], "", set()),
        (["shape", "-l", "Conv2D('gaussian:size=3')", "-i", "28x28x1", "-f", "json"], "", set()),
        (["filters"], "", {"rich"}),
        (["filters", "gabor", "--normalize", "-f", "json"], "", set()),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_command_imports_only_what_it_needs(arguments, stdin, allowed):
    program = (
        "import sys; from convcli.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code, stop.code\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], input=stdin, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stderr.split()) == allowed
