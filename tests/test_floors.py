"""The architecture: imports go down, no circle in any folder, heavy modules come when needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

import numpy as np
import pytest
from conftest import ROOT

# The entries of convcli/, from the ground up: each imports only from those before it.
FLOORS = (
    "core",
    "io",
    "model",
    "readers",
    "analysis",
    "engine",
    "learning",
    "output",
    "api",
    "__init__",
    "manual",
    "cli",
    "__main__",
)
PACKAGE = ROOT / "convcli"


def modules() -> dict[str, str]:
    """Return the source of each module of convcli by its dotted name: `model.layers.base`, `model.layers.__init__`."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path.read_text() for path in paths}


def imported(source: str, names: Collection[str]) -> Iterator[str]:
    """Yield those of the modules `names` that a source imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "convcli":
            yield from (_module(f"{node.module}.{alias.name}", names) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (_module(alias.name, names) for alias in node.names if alias.name.startswith("convcli."))


def _module(dotted: str, names: Collection[str]) -> str:
    """Return the module that `convcli.a.b` is, or is defined in."""
    inner = dotted.split(".")[1:]
    for length in range(len(inner), 0, -1):
        name = ".".join(inner[:length])
        if name in names or f"{name}.__init__" in names:
            return name if name in names else f"{name}.__init__"
    return "__init__"


def arrows(sources: Mapping[str, str]) -> set[tuple[str, str]]:
    """Return every pair of modules of which the first imports the second."""
    return {(name, other) for name, source in sources.items() for other in imported(source, sources) if other != name}


def climbing(sources: Mapping[str, str]) -> list[str]:
    """Return the imports between entries of convcli/ that do not go down."""
    pairs = sorted({(a.split(".")[0], b.split(".")[0]) for a, b in arrows(sources)})
    return [f"{a} imports {b}" for a, b in pairs if a != b and FLOORS.index(a) < FLOORS.index(b)]


def circles(sources: Mapping[str, str]) -> list[str]:
    """Return, for each folder, those of its entries (modules and folders) that import each other in a circle."""
    folders = {"", *(name.rpartition(".")[0] for name in sources)}
    result, pairs = [], arrows(sources)
    for folder in sorted(folders):
        below: dict[str, set[str]] = {}
        for pair in pairs:
            a, b = (_entry(name, folder) for name in pair)
            if a and b and a != b:
                below.setdefault(a, set()).add(b)
        try:
            TopologicalSorter(below).prepare()
        except CycleError as error:
            result.append(f"{folder or 'convcli'}: {' imports '.join(reversed(error.args[1]))}")
    return result


def _entry(module: str, folder: str) -> str | None:
    """Return the entry of a folder that a module is or lies in; None for a module elsewhere."""
    prefix = f"{folder}." if folder else ""
    return module[len(prefix) :].split(".")[0] if module.startswith(prefix) else None


def test_imports_go_down():
    assert climbing(modules()) == []


def test_no_entries_of_a_folder_import_each_other_in_a_circle():
    assert circles(modules()) == []


def test_every_entry_has_a_floor():
    assert {name.split(".")[0] for name in modules()} == set(FLOORS)


@pytest.mark.parametrize(
    ("module", "line", "told"),
    [
        ("core.errors", "from convcli.model.steps import Step", "core imports model"),
        ("io.files", "def f():\n    import convcli.engine.program", "io imports engine"),
        ("learning.losses", "from convcli import api", "learning imports api"),
    ],
)
def test_an_import_that_goes_up_is_found(module, line, told):
    assert climbing(modules() | {module: line}) == [told]


@pytest.mark.parametrize(
    ("module", "line", "told"),
    [
        ("model.window", "from convcli.model import graph", "model: "),
        ("model.layers.base", "def f():\n    from convcli.model.layers.pooling import Pool", "model.layers: "),
        ("output.report.shape", "from convcli.output.render.table import shape", "output: "),
    ],
)
def test_siblings_that_import_each_other_are_found(module, line, told):
    (circle,) = circles(modules() | {module: f"{modules()[module]}\n{line}"})
    assert circle.startswith(told)


HEAVY = ("numpy", "rich", "yaml", "PIL")
MODEL = "{layers: [{Conv2D: {filters: {line: [[0, 1], [1, 0]]}}}], input: [8, 8, 1]}"


def run_main(arguments, stdin=""):
    """Run a command in a process of its own, and return the names of the modules that it imported."""
    program = (
        "import sys; from convcli.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code, stop.code\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


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
        (["help"], "", set()),
        (["help", "arrays"], "", set()),
        (["help", "apply"], "", set()),
        (["filters"], "", {"rich"}),
        (["filters", "gabor", "--normalize", "-f", "json"], "", set()),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_command_imports_only_what_it_needs(arguments, stdin, allowed):
    assert run_main(arguments, stdin) & {*HEAVY} == allowed


# Of convcli: the most modules that a command imports, and some that it has no use for. A module takes 0.1 ms.
IMPORTS = {
    "--help": (14, ["io.arrays", "output", "core.records"]),
    "shape -l Conv2D(40,3) -i 28x28x1 -f json": (93, ["api", "engine", "learning", "io.text_arrays", "io.yaml_json"]),
    "shape samples/mnist.yaml": (118, ["api", "engine", "learning"]),
    "diff samples/mnist.yaml samples/mnist.yaml": (120, ["api", "engine", "learning"]),
    "apply {x} {kernel} -o {y}": (
        156,
        [
            "api",
            "learning",
            "engine.tiling",
            "engine.run_step",
            "engine.algorithms.pooling",
            "engine.algorithms.winograd",
        ],
    ),
}


@pytest.mark.parametrize("command", IMPORTS)
def test_a_command_imports_few_modules_of_convcli(command, tmp_path):
    most, unused = IMPORTS[command]
    for name, shape in (("x", (8, 8)), ("kernel", (3, 3))):
        np.save(tmp_path / f"{name}.npy", np.ones(shape))
    arguments = command.format(**{name: tmp_path / f"{name}.npy" for name in ("x", "kernel", "y")}).split()
    imported = {name for name in run_main(arguments) if name.startswith("convcli.")}
    listing = "\n".join(sorted(imported))
    assert not imported & {f"convcli.{name}" for name in unused}, listing
    assert len(imported) <= most, f"{len(imported)} modules\n{listing}"
