"""Values by key, and claims about them."""

from __future__ import annotations

import pytest

from convcli.core.errors import ConvcliError
from convcli.output.report.expectations import bare, failure, value

ANSWER = {
    "name": "net",
    "params": 400,
    "macs": None,
    "output_shape": [None, 10],
    "input_shape": {"left.eye": [None, 8], "left": [None, 4]},
    "layers": [
        {"name": "conv", "output_shape": [None, 26, 40], "params": 400},
        {"name": "tf.math.add", "output_shape": [None, 26, 40], "params": 0},
    ],
}


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("params", "400"),
        ("macs", "null"),
        ("name", "net"),
        ("output_shape", "[null, 10]"),
        ("output_shape.1", "10"),
        ("input_shape.left.eye", "[null, 8]"),
        ("input_shape.left.1", "4"),
        ("layers.conv.params", "400"),
        ("layers.tf.math.add.output_shape", "[null, 26, 40]"),
    ],
)
def test_a_bare_value(key, text):
    assert bare(value(ANSWER, key)) == text


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("parms", "no key 'parms' (did you mean params?)"),
        ("layers.cnv.params", "no key 'cnv' in layers.cnv.params (did you mean conv?)"),
        ("params.x", "no key 'x' in params.x"),
        ("output_shape.2", "no key '2' in output_shape.2 (known: 0, 1)"),
    ],
)
def test_a_key_that_is_not_there(key, message):
    with pytest.raises(ConvcliError) as caught:
        value(ANSWER, key)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "claim",
    [
        "params <= 400",
        "params<401",
        "params == 400",
        "params == 4e2",
        "params != 5",
        "macs == None",
        "macs == null",
        "output_shape == (None, 10)",
        "output_shape == [None, 10]",
        "output_shape == [null,10]",
        "output_shape.1 >= 10",
        "name == net",
        "name == 'net'",
        "layers.conv.output_shape == (None, 26, 40)",
        "layers.tf.math.add.params == 0",
    ],
)
def test_a_claim_that_holds(claim):
    assert failure(ANSWER, claim) is None


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ("params <= 399", "params <= 399 does not hold: params is 400"),
        ("macs != 5", "macs != 5 does not hold: macs is unknown"),
        ("macs <= 5", "macs <= 5 does not hold: macs is unknown"),
        ("output_shape == (None, 11)", "output_shape == (None, 11) does not hold: output_shape is (None, 10)"),
        ("output_shape == [None, 11]", "output_shape == [None, 11] does not hold: output_shape is [null, 10]"),
        ("name == other", "name == other does not hold: name is net"),
    ],
)
def test_a_claim_that_fails_is_told_with_both_values(claim, message):
    assert failure(ANSWER, claim) == message


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ("params", "'params' is not a claim (KEY == VALUE, or with != < <= > >=)"),
        ("params <= many", "'params <= many': <= many (a number; other values are compared by == and !=)"),
        ("name <= 5", "'name <= 5': name is 'net' (== or !=, or a key of a number)"),
        ("params == 4 + 4", "'4 + 4' is not a value (a number, a list such as (None, 10), or a text)"),
        ("params == 49,378", "'params == 49,378': params is '400' (a number)"),
        ("output_shape == 10", "'output_shape == 10': output_shape is '[null, 10]' (a list such as (None, 10))"),
        ("parms == 4", "no key 'parms' (did you mean params?)"),
    ],
)
def test_what_is_no_claim(claim, message):
    with pytest.raises(ConvcliError) as caught:
        failure(ANSWER, claim)
    assert str(caught.value) == message
