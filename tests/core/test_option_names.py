"""Messages name options as their reader writes them: `--seed N` on the command line, `seed=N` in Python."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
from collections.abc import Iterator

import pytest
from conftest import ROOT

import convcli
from convcli.core import option_names

FUNCTIONS = (
    *(convcli.load, convcli.summarize, convcli.apply, convcli.prepare),
    *(convcli.convolve, convcli.explain, convcli.fit),
)
BOTH = {  # the options that the library has, too
    name.replace("_", "-") for function in FUNCTIONS for name in inspect.signature(function).parameters
}


def test_an_option_is_spelled_for_its_reader():
    assert doctest.testmod(option_names).failed == 0
    assert doctest.testmod(option_names).attempted


def flags(source: str) -> Iterator[str]:
    """Yield the options of both that the strings of a source spell as flags, docstrings aside."""
    tree = ast.parse(source)
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield from (f"{node.lineno} --{name}" for name in re.findall(r"--([a-z-]+)", node.value) if name in BOTH)


@pytest.mark.parametrize("floor", ["core", "io", "model", "readers", "analysis", "engine", "learning"])
def test_what_the_library_runs_names_options_by_option(floor):
    paths = sorted((ROOT / "convcli" / floor).rglob("*.py"))
    assert [f"{path.name}:{flag}" for path in paths for flag in flags(path.read_text())] == []


def test_a_flag_in_a_message_is_found():
    source = '"""About --seed."""\nraise ConvcliError(f"{x} is missing", f"--data-format {y}")\nwarn("--walk, --at")'
    assert sorted(flags(source)) == ["2 --data-format", "3 --at"]
