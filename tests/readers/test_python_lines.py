"""Models as texts of Keras code."""

from __future__ import annotations

import pytest

import convcli
from convcli.readers.python_lines import layer_texts

CODE = {
    "calls": "Conv1D(4, 3)\n\n# then\nflatten\nDense(10)  # classes\n",
    "added": "model = keras.Sequential()\nmodel.add(Conv1D(4, 3))\nmodel.add(Flatten())\nmodel.add(Dense(10))\n",
    "listed": "model = keras.Sequential([\n  layers.Conv1D(4, 3),\n  layers.Flatten(),\n  layers.Dense(10),\n])\n",
    "with imports": "from keras.layers import *\nimport keras\n\nConv1D(4, 3)\nFlatten()\nDense(10)\n",
    "with what is done to the model": (
        '"""A model."""\nmodel = keras.Sequential([Conv1D(4, 3), Flatten(), Dense(10)])\n'
        "model.compile(loss='mse')\nhistory = model.fit(x, y)\nprint(model.summary())\n"
    ),
    "with an input": "Sequential(layers=[Input(shape=(8, 1)), Conv1D(4, 3), Flatten(), Dense(10)])",
}


@pytest.mark.parametrize("name", CODE)
def test_a_text_of_keras_code_is_a_model(tmp_path, name):
    (tmp_path / "model.txt").write_text(CODE[name])
    summary = convcli.summarize(convcli.load(tmp_path / "model.txt"), (8, 1))
    assert (summary["output_shape"], summary["params"]) == ([None, 10], 3 * 4 + 4 + 6 * 4 * 10 + 10)


@pytest.mark.parametrize(
    "text",
    [
        "- conv1d(4, 3)",
        "conv1d: {filters: 4}",
        "0 1 0",
        "nn.Sequential(nn.Conv2d(1, 2, 3))\nx = 3",
        "import os",
        "x = 3",
        "model.add(Conv1D(4, 3))\nmodel.pop()\nx = 3",
        "Conv1D(4, 3",
    ],
)
def test_other_texts_are_not(text):
    assert layer_texts(text) is None


def test_no_code_is_run(tmp_path):
    (tmp_path / "model.txt").write_text("model.add(__import__('os').mkdir('made'))\n")
    with pytest.raises(convcli.ConvcliError):
        convcli.load(tmp_path / "model.txt")
    assert not (tmp_path / "made").exists()


def test_a_sequential_itself_is_a_model():
    model = convcli.load("keras.Sequential([layers.Conv1D(4, 3), layers.Flatten()])")
    assert convcli.summarize(model, (8, 1))["output_shape"] == [None, 24]
