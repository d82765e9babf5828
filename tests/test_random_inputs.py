"""Every input has an answer or raises one `ConvcliError`. `fuzz.py` tries more inputs."""

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

few = settings(max_examples=60, deadline=None)
TARGETS = fuzz_targets.TARGETS


def use_safely(use: Callable[[Any], Any], content: Any) -> bool:
    """Use an input; return whether it has an answer. Any error but a `ConvcliError` is a failure of the test."""
    with suppress(ConvcliError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        use(content)
        return True
    return False


@few
@given(damaged_files)
def test_a_damaged_file_has_an_answer_or_an_error_of_ours(file):
    suffix, content = file
    for name in ("arrays", "weights", "documents", "models"):
        use_safely(TARGETS[name].use, suffix.encode() + b"\0" + content)


@few
@given(calls)
def test_text_in_place_of_a_layer_has_an_answer_or_an_error_of_ours(text):
    use_safely(TARGETS["calls"].use, text.encode("utf-8", "surrogatepass"))


@few
@given(models)
def test_a_random_model_has_an_answer_or_an_error_of_ours(mapping):
    use_safely(fuzz_targets.summarize, mapping)


@few
@given(options)
def test_a_random_option_has_an_answer_or_an_error_of_ours(text):
    use_safely(TARGETS["options"].use, text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("name", ["checkpoints", "commands"])
def test_an_input_of_fuzz_has_an_answer_or_an_error_of_ours(name, monkeypatch):
    monkeypatch.chdir(fuzz_targets.FOLDER)
    answered = [use_safely(TARGETS[name].use, TARGETS[name].make(Random(number))) for number in range(100)]
    assert set(answered) == {True, False}  # neither kind of input is left out
