"""`convcli diff` and its exit codes."""

from __future__ import annotations

import json


def test_diff_is_0_1_or_2(convcli):
    same = convcli("diff", "samples/mnist.yaml", "samples/mnist.yaml", "-f", "json")
    assert (same.exit_code, json.loads(same.stdout)["ratio"]["params"]) == (0, 1.0)
    other = convcli("diff", "samples/mnist.yaml", "samples/mnist-separable.yaml", "-f", "csv")
    assert other.exit_code == 1
    assert len(other.stdout.splitlines()) == 1 + 5
    assert convcli("diff", "samples/mnist.yaml", "none.yaml").exit_code == 2
    assert convcli("diff", "-", "-").exit_code == 2
