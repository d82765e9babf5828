"""How the native core is built: from these sources, and without instructions that a machine may lack."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
from levels import LEVELS_HERE, core_at

import convcli.engine.native
from convcli.engine.native.core import MODULE, describe_core, find_core

FOLDER = Path(convcli.engine.native.__file__).parent
BUILT = "not built" not in LEVELS_HERE


def library() -> Path:
    """Return the file of the module."""
    spec = find_spec(MODULE)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


@pytest.mark.skipif(shutil.which("cc") is None, reason="no compiler")
def test_where_there_is_a_compiler_the_core_is_built_from_these_sources():
    assert BUILT, "pip install -e . builds it, and so does tests/tools/build_core.py"
    newest = max(path.stat().st_mtime for path in FOLDER.glob("*.[ch]"))
    assert library().stat().st_mtime > newest, "built from older sources: run tests/tools/build_core.py"


@pytest.mark.skipif(not BUILT, reason="no core")
@pytest.mark.skipif(shutil.which("objdump") is None, reason="no objdump")
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="for x86-64")
def test_instructions_beyond_the_baseline_are_only_in_functions_compiled_for_them():
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", str(library())], capture_output=True, text=True, check=True, timeout=120
    ).stdout
    offenders, seen, function = set(), set(), ""
    for line in listing.splitlines():
        if header := re.match(r"[0-9a-f]+ <(.*)>:", line):
            function = header[1]
            continue
        level = re.search(r"_(avx2|avx512)\b", function.replace(".", " "))
        if re.search(r"%[yz]mm|%k[1-7]|\tv[a-z0-9]+ ", line):
            seen.add(level[1] if level else "")
            if level is None or (level[1] == "avx2" and re.search(r"%zmm|%k[1-7]|%[xy]mm(1[6-9]|2\d|3[01])\b", line)):
                offenders.add(function)
    assert seen == {"avx2", "avx512"}
    assert offenders == set()


@pytest.mark.skipif(not BUILT, reason="no core")
@pytest.mark.parametrize("level", LEVELS_HERE)
def test_a_level_is_used_as_the_environment_says(level):
    with core_at(level) as core:
        assert core is not None
        assert core.name == level
    assert describe_core({"CONVCLI_CORE": level}) == f"native {level}"


def test_numpy_computes_where_the_environment_says_so():
    assert find_core({"CONVCLI_CORE": "numpy"}) == "CONVCLI_CORE"
    with core_at("numpy") as core:
        assert core is None


@pytest.mark.parametrize(("error", "reason"), [(ModuleNotFoundError(MODULE), "not built"), (ImportError("ELF"), "ELF")])
def test_a_core_that_cannot_be_loaded_says_why(monkeypatch, error, reason):
    def import_module(name):
        raise error

    monkeypatch.setattr("convcli.engine.native.core.import_module", import_module)
    assert reason in describe_core({})
