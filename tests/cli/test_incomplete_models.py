"""Models with layers that are not known, on the command line."""

from __future__ import annotations

import json

import numpy as np
from conftest import ROOT

UNKNOWN = ROOT / "tests" / "reference" / "unknown"


def test_the_layers_before_an_unknown_one_are_computed(convcli, tmp_path):
    value = json.loads((UNKNOWN / "picture.json").read_text())
    convolution, flip = value["config"]["layers"][2], value["config"]["layers"][1]
    convolution["inbound_nodes"], flip["inbound_nodes"] = flip["inbound_nodes"], convolution["inbound_nodes"]
    convolution["inbound_nodes"][0]["kwargs"] = {}
    flip["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0] = "conv2d"
    value["config"]["layers"][3]["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0] = "random_flip"
    (tmp_path / "m.json").write_text(json.dumps(value))
    np.save(tmp_path / "x.npy", np.ones((16, 16, 3)))
    arguments = [str(tmp_path / "x.npy"), str(tmp_path / "m.json"), "--seed", "1"]
    assert convcli("apply", *arguments, "--layer-output", "conv2d", "-f", "csv").exit_code == 0
    refused = convcli("apply", *arguments)
    assert (refused.exit_code, "layer random_flip: RandomFlip" in refused.stderr) == (1, True)


def test_claims_about_a_total_that_lacks_a_share_are_trouble(convcli):
    file = str(UNKNOWN / "text.json")
    claim = convcli("shape", file, "--expect", "params == 112")
    assert claim.exit_code == 2
    assert claim.stderr.endswith("params is at least 112, because layers are not known "
                                 "(a claim about what is known, such as layers.NAME.params)\n")  # fmt: skip
    assert convcli("shape", file, "--expect", "layers.conv1d.params == 100").exit_code == 0
    assert convcli("shape", str(UNKNOWN / "text.keras"), "--expect", "params == 712").exit_code == 0  # all told
    value = convcli("shape", file, "--get", "params")
    assert (value.stdout, value.stderr) == (
        "112\n",
        f"Warning: {file}: params is at least this, because layers are not known\n",
    )


def test_an_unknown_shape_is_null_and_not_a_total(convcli):
    arguments = ("shape", "-i", "3x8", "-l", "nn.LSTM(8, 4)")
    value = convcli(*arguments, "--get", "output_shape")
    assert (value.stdout, value.stderr) == ("null\n", "")
    claim = convcli(*arguments, "--expect", "output_shape == (None, 3, 4)")
    assert (claim.exit_code, claim.stderr) == (
        1,
        "Error: --layer: output_shape == (None, 3, 4) does not hold: output_shape is unknown\n",
    )


def test_tables_and_drawings_say_what_is_not_known(convcli):
    table = convcli("shape", str(UNKNOWN / "text.json"), "--explain").stdout
    assert "│ embedding (Embedding, not known) │ (None, 20, 8) │ unknown │" in table
    assert " Not known: embedding: Embedding is not a layer that convcli has\n" in table
    assert " Total params: at least 112\n" in table
    assert "embedding (Embedding): input → (None, 20, 8)\n  not known; shape: 20×8\n" in table
    drawing = convcli("shape", str(UNKNOWN / "states.json"), "-f", "tree").stdout
    assert "● bidirectional (Bidirectional, not known), unknown params" in drawing
    assert "→ output ?\n" in drawing
    assert "LSTM, not known" in convcli("shape", str(UNKNOWN / "states.json"), "-f", "dot").stdout
    assert "LSTM, not known" in convcli("shape", str(UNKNOWN / "states.json"), "-f", "mermaid").stdout
    assert convcli("shape", str(UNKNOWN / "states.json"), "--at", "3", "-f", "csv").exit_code == 0


def test_diff_and_solve_say_that_layers_are_not_known(convcli):
    file = str(UNKNOWN / "text.json")
    same = convcli("diff", file, file)
    assert same.exit_code == 0
    assert same.stderr == "Not compared, because it is not known: what embedding, lstm computes\n"
    other = json.loads(convcli("diff", file, str(UNKNOWN / "text.keras"), "-f", "json").stdout)
    assert (other["a"]["complete"], other["ratio"]["params"]) == (False, None)
    refused = convcli("solve", file)
    assert (refused.exit_code, refused.stderr) == (
        2,
        f"Error: {file}: layer embedding: Embedding is not a layer that convcli has\n",
    )
