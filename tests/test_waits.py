"""No test can wait for ever: what waits for a child or a thread has a timeout."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from conftest import ROOT

WAITS = {"communicate", "wait", "check_output", "check_call"}
OWN = ("tools", "benchmarks", "reference")  # programs, which people start and stop


def endless(source: str) -> Iterator[str]:
    """Yield the line and the name of each call that waits without a timeout."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            runs = node.func.attr == "run" and getattr(node.func.value, "id", "") == "subprocess"
            if (runs or node.func.attr in WAITS) and "timeout" not in {keyword.arg for keyword in node.keywords}:
                yield f"{node.lineno} {node.func.attr}"


def test_every_wait_has_a_timeout():
    paths = [path.relative_to(ROOT / "tests") for path in sorted((ROOT / "tests").rglob("*.py"))]
    tests = [path for path in paths if path.parts[0] not in OWN]
    assert [f"{path}:{call}" for path in tests for call in endless((ROOT / "tests" / path).read_text())] == []


@pytest.mark.parametrize(
    ("source", "calls"),
    [
        ("subprocess.run(x)", ["1 run"]),
        ("process.communicate()", ["1 communicate"]),
        ("event.wait(timeout=1); subprocess.run(x, timeout=3); main.run()", []),
    ],
)
def test_a_wait_without_a_timeout_is_found(source, calls):
    assert list(endless(source)) == calls
