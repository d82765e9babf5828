"""Files of Python code that are no lists of layers."""

from __future__ import annotations

import pytest

import convcli

FUNCTIONAL = "inputs = Input(shape=(8, 1))\nx = Conv1D(4, 3)(inputs)\nmodel = Model(inputs, x)\n"
MODULE = """import torch.nn as nn

class Net(nn.Module):
    def forward(self, x):
        return x
"""


@pytest.mark.parametrize("code", [FUNCTIONAL, MODULE, f'"""A network."""\n{MODULE}', "device = 'cpu'\n"])
def test_code_of_any_other_kind_is_told_by_name(tmp_path, code):
    (tmp_path / "net.py").write_text(code)
    with pytest.raises(convcli.ConvcliError, match="is Python code, which is never run"):
        convcli.load(tmp_path / "net.py")


def test_a_sequential_of_pytorch_may_be_printed_after_it_is_made(tmp_path):
    (tmp_path / "net.py").write_text(
        "import torch.nn as nn\nnet = nn.Sequential(nn.Conv1d(1, 4, 3))\nprint(net)\nnet.eval()\n"
    )
    assert convcli.summarize(convcli.load(tmp_path / "net.py"), (1, 8))["params"] == 3 * 4 + 4
