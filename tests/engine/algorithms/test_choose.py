"""The table of algorithms, and which of them is chosen for which problem."""

from __future__ import annotations

import inspect

import pytest
from correlations import column, correlate, problems
from hypothesis import given, settings
from hypothesis import strategies as st

from convcli.core.errors import ConvcliError
from convcli.core.records import replace
from convcli.engine.algorithms.choose import choose
from convcli.engine.algorithms.problem import Problem
from convcli.engine.algorithms.table import ALGORITHMS, Algorithm, load_algorithm
from convcli.engine.native.core import native_core
from convcli.model.window import Window


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_satisfies_the_protocol(name):
    algorithm = load_algorithm(name)
    assert isinstance(algorithm.FOR, str)
    for function in ("suits", "prepare"):
        own, declared = (inspect.signature(getattr(each, function)) for each in (algorithm, Algorithm))
        _, *parameters = declared.parameters.values()  # without self
        assert list(own.parameters.values()) == parameters
        assert own.return_annotation == declared.return_annotation


# one axis, no stretching
UNSTRETCHED = (column(1, 2, 4, 8), column(1, 10).reshape(2, 1, 1), [Window(2, before=1)])


def test_an_algorithm_that_does_not_suit_says_what_it_is_for():
    native = "native or " if native_core() else ""
    with pytest.raises(ConvcliError) as caught:
        correlate("phases", *UNSTRETCHED)
    assert str(caught.value) == (
        "algorithm phases does not suit this layer: it is for transposed convolutions "
        f"({native}patches or banded or interleaved or plain, or auto)"
    )


def test_an_unknown_algorithm_is_told_with_those_that_are_known():
    with pytest.raises(ConvcliError) as caught:
        correlate("fastest", *UNSTRETCHED)
    assert str(caught.value) == f"algorithm 'fastest' (auto, {', '.join(ALGORITHMS)})"


@settings(max_examples=100, deadline=None)
@given(
    problems(),
    st.sampled_from([0.0, 1e-5]),
    st.sampled_from(["float32", "float64"]),
    st.booleans(),
)
def test_an_algorithm_that_suits_is_chosen(problem, tolerance, dtype, finite):
    problem, samples = problem
    settings = {
        "dtype": dtype,
        "tolerance": tolerance,
        "samples": samples,
        "finite_kernel": finite,
    }
    problem = replace(problem, **settings)
    chosen = choose(problem)
    assert load_algorithm(chosen).suits(problem)
    if tolerance == 0 or dtype == "float64":
        assert chosen not in ("winograd", "space_to_depth", "fourier")


IMAGE, MAP = (4096, 4096), (56, 56)


FASTEST = {
    "native": ([Window(5)] * 2, 1, 64, 64, MAP),
    "banded": ([Window(3)] * 2, 1, 1, 1, IMAGE),
    "space_to_depth": ([Window(15)] * 2, 1, 1, 1, IMAGE),
    "winograd": ([Window(3)] * 2, 1, 64, 64, MAP),
    "patches": ([Window(1)] * 2, 1, 64, 64, MAP),
    "channelwise": ([Window(3)] * 2, 64, 1, 1, MAP),
    "interleaved": ([Window(400, 160)], 1, 1, 40, (160_000,)),
    "fourier": ([Window(1025)], 1, 1, 1, (1_000_000,)),
    "phases": ([Window(4, upsample=2)] * 2, 1, 64, 32, MAP),
}


@pytest.mark.parametrize("algorithm", FASTEST)
def test_every_algorithm_is_chosen_where_it_is_the_fastest(algorithm):
    windows, *arguments = FASTEST[algorithm]
    problem = Problem(tuple(windows), *arguments, "float32", 1e-5, 1 << 20, native=algorithm == "native")
    assert choose(problem) == algorithm


def test_every_algorithm_but_the_reference_is_the_fastest_somewhere():
    assert set(FASTEST) == {*ALGORITHMS} - {"plain"}
