"""Any input has an answer or one `ConvcliError`; fuzz.py tries more of them, and for longer."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import fuzz_targets
import pytest
from hypothesis import given, settings
from strategies import calls, damaged_files, models, options

from convcli.core.errors import ConvcliError

briefly = settings(max_examples=60, deadline=None)
TARGETS = fuzz_targets.TARGETS


def answered(use: Callable[[bytes], Any], content: bytes) -> None:
    with suppress(ConvcliError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        use(content)


@briefly
@given(damaged_files)
def test_a_damaged_file(file):
    suffix, content = file
    for name in ("arrays", "weights", "documents", "models"):
        answered(TARGETS[name].use, suffix.encode() + b"\0" + content)


@briefly
@given(calls)
def test_a_layer_as_text(text):
    answered(TARGETS["calls"].use, text.encode("utf-8", "surrogatepass"))


@briefly
@given(models)
def test_a_model(mapping):
    answered(fuzz_targets.summarize, mapping)


@briefly
@given(options)
def test_an_option(text):
    answered(TARGETS["options"].use, text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("name", ["checkpoints", "commands"])
def test_what_fuzz_makes(name, monkeypatch):

    monkeypatch.chdir(fuzz_targets.FOLDER)
    for number in range(40):
        answered(TARGETS[name].use, TARGETS[name].make(Random(number)))
