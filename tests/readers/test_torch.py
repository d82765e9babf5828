"""Models in PyTorch's words, among them random ones of which PyTorch said what they are."""

from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import ROOT

import convcli
from convcli.core.errors import ConvcliError
from convcli.model.layers import LAYERS, canonical_name
from convcli.readers.dialect_class import REQUIRED
from convcli.readers.torch.classes import CLASSES, LACKED
from convcli.readers.torch.text import expression_mapping, printed_mapping

STORED = json.loads((ROOT / "tests/reference/torch_layers.json").read_text())["cases"]


@pytest.fixture(scope="module")
def arrays():
    with np.load(ROOT / "tests/reference/torch_layers.npz") as archive:
        return dict(archive)


def summary(layers, shape, **options):
    return convcli.summarize(convcli.load(layers, **options), shape)


def error(layers, shape=(3, 8, 8), **options):
    with pytest.raises(ConvcliError) as caught:
        summary(layers, shape, **options)
    return str(caught.value)


# ---- what PyTorch computed ----


@pytest.mark.parametrize("number", range(len(STORED)), ids=lambda number: STORED[number]["text"][:60])
def test_a_layer_is_what_it_is_in_pytorch(number, arrays):
    case = STORED[number]
    is_model = case["text"].startswith("nn.Sequential(")
    model = convcli.load(case["text"] if is_model else [case["text"]])
    own = convcli.summarize(model, case["shape"])
    assert own["output_shape"] == [None, *case["output_shape"]]
    assert {key: own[key] for key in ("params", "buffers", "macs")} == {
        key: case[key] for key in ("params", "buffers", "macs")
    }
    stored = {key.partition("/")[2]: array for key, array in arrays.items() if key.startswith(f"{number}/")}
    weights = {key: array for key, array in stored.items() if "/" in key}
    result = convcli.apply(model, stored["input"], weights=weights)
    np.testing.assert_allclose(result, stored["output"], rtol=1e-10, atol=1e-10)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", [case for case in STORED if case["text"].startswith("nn.Sequential(")])
def test_the_printed_text_of_a_model_is_the_model(case):
    hidden = ("AvgPool", "align_corners", "recompute")
    printed = convcli.load(printed_mapping(case["printed"], listed_order=False))
    own = convcli.load(case["text"])
    assert [node.name for node in printed.nodes] == [node.name for node in own.nodes]
    if not any(word in case["text"] for word in hidden):
        assert convcli.summarize(printed, case["shape"])["output_shape"] == [None, *case["output_shape"]]


# ---- the table ----


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_row_names_arguments_that_its_layer_has(name):
    row, layer = CLASSES[name], LAYERS[canonical_name(CLASSES[name].layer)]
    named = {argument.layer_argument.partition(".")[0] for argument in row.arguments if argument.layer_argument}
    assert named | set(row.fixed) <= set(layer.argument_names())
    assert set(row.hidden) <= {argument.name for argument in row.arguments}
    required = [argument.default is REQUIRED for argument in row.arguments]
    assert required == sorted(required, reverse=True), "required arguments come first"


def test_no_class_is_both_known_and_lacked():
    assert not set(CLASSES) & set(LACKED)


# ---- whose words ----


@pytest.mark.parametrize(
    ("layers", "dialect"),
    [
        (["Conv2d(3, 4, 3)"], "torch"),
        (["torch.nn.ReLU()"], "torch"),
        (["ReLU", "Softmax(dim=1)", "nn.Dropout()"], "torch"),
        ([{"Conv2d": {"in_channels": 3, "out_channels": 4, "kernel_size": 3}}], "torch"),
        (["Linear(8, 2)"], "torch"),
        (["linear"], "keras"),
        (["ReLU", "Flatten"], "keras"),
        (["conv2d(3, 4)", "relu"], "keras"),
        (["keras.layers.ReLU()", "softmax"], "keras"),
        ({"dialect": "torch", "layers": ["relu", "Flatten"]}, "torch"),
        ({"dialect": "torch", "layers": ["conv2d(3, 4, 3)"]}, "torch"),
        ({"dialect": "keras", "layers": ["Conv2d(3, 4)"]}, "keras"),
    ],
)
def test_names_say_whose_words_a_model_is_in(layers, dialect):
    assert convcli.load(layers).dialect == dialect


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (["Conv2d(3, 4, 3)", "Conv2D(3, 4)"], "layers[0] is PyTorch's Conv2d, layers[1] Keras's Conv2D"),
        (["ReLU", "Dense(3)", "nn.ReLU()"], "layers[1] is Keras's Dense, layers[2] PyTorch's nn.ReLU"),
        ({"dialect": "torch", "layers": ["Dense(3)"]}, "layers[0]: Dense is Keras's, but the dialect is torch ("),
        ({"dialect": "keras", "layers": ["nn.ReLU()"]}, "layers[0]: nn.ReLU is PyTorch's, but the dialect is keras ("),
        ({"dialect": "caffe", "layers": ["relu"]}, "dialect: 'caffe' (keras or torch)"),
        ({"data_format": "channels_last", "layers": ["Conv2d(3, 4, 3)"]}, "data_format: channels_last, but PyTorch is"),
        (["nn.Conv2D(3, 3, 3)"], "'nn.Conv2D' is not a layer of PyTorch (did you mean Conv2d?)"),
        (["nn.Linaer(3, 3)"], "(did you mean Linear?)"),
        (["nn.Conv2d(3, 4)"], "layers[0]: Conv2d: kernel_size is missing (in order: in_channels, out_channels"),
        (["nn.Conv2d(3, 4, 3, strides=2)"], "Conv2d has no argument 'strides' (did you mean stride?)"),
        (["nn.Conv2d(3, 4, 3, padding='same', stride=2)"], "padding='same' with a stride, which PyTorch refuses"),
        (["nn.MaxPool2d(2, padding=2)"], "padding=2 is more than half of the window"),
        (["nn.MaxPool2d(2, return_indices=True)"], "return_indices: True is not known here"),
        (["nn.BatchNorm2d(3, track_running_stats=False)"], "track_running_stats: False is not known here"),
        (["nn.Conv1d(3, 4, 3)"], "Conv1d takes 3 axes with the batch, (None, 3, 8, 8) arrives"),
        (["nn.BatchNorm1d(3)"], "BatchNorm1d takes 2 or 3 axes with the batch"),
        (["nn.BatchNorm2d(4)"], "BatchNorm2d: num_features=4, 3 channels arrive (num_features=3)"),
        (["nn.GroupNorm(2, 4)"], "GroupNorm: num_channels=4, 3 channels arrive"),
        (["nn.LayerNorm((8, 4))"], "LayerNorm: normalized_shape=(8, 4), (8, 8) arrives (normalized_shape=(8, 8))"),
        (["nn.Linear(192, 2)"], "Linear: in_features=192, 8 values arrive (Flatten before it: 3×8×8 = 192 values)"),
        (["nn.Linear(7, 2)"], "in_features=7, 8 values arrive (in_features=8; after Flatten, in_features=192)"),
        (["nn.Conv2d(3, 4, (3, 3, 3))"], "Conv2d: kernel_size: (3, 3, 3) (one number, or 2 of them)"),
        (["nn.Flatten(0)"], "axis 0: the input has 4, with the batch"),
    ],
)
def test_an_error_says_what_would_be_right(layers, message):
    assert message in error(layers)


def test_softmax_without_dim_over_three_axes_is_an_error_because_pytorch_takes_the_batch():
    assert "Softmax: without dim, PyTorch takes the batch of three axes (dim=1" in error(["nn.Softmax()"], (3, 8))
    assert summary(["nn.Softmax()"], (3, 8, 8))["output_shape"] == [None, 3, 8, 8]


# ---- answers ----


def test_names_types_and_buffers_are_pytorchs():
    own = summary(["nn.Conv2d(3, 8, 3)", "nn.BatchNorm2d(8)", "nn.ReLU()"], (3, 8, 8))
    assert own["dialect"] == "torch"
    assert [(layer["name"], layer["type"]) for layer in own["layers"]] == [
        ("0", "Conv2d"),
        ("1", "BatchNorm2d"),
        ("2", "ReLU"),
    ]
    assert [layer["params"] for layer in own["layers"]] == [3 * 3 * 3 * 8 + 8, 8 + 8, 0]
    assert [layer["buffers"] for layer in own["layers"]] == [0, 8 + 8 + 1, 0]
    assert (own["trainable_params"], own["non_trainable_params"], own["buffers"]) == (224 + 16, 0, 17)
    assert "dialect" not in summary(["Conv2D(8, 3)"], (8, 8, 3))


def test_a_module_that_convcli_lacks_is_a_row_of_its_own():
    own = summary(["nn.Linear(8, 4)", "nn.LSTM(4, 2)"], (3, 8))
    assert [layer["known"] for layer in own["layers"]] == [True, False]
    assert own["layers"][1]["type"] == "LSTM"


def test_a_graph_in_yaml_may_merge():
    layers = ["nn.Conv2d(3, 4, 3, padding=1)", "nn.ReLU()", {"add": {"inputs": ["0", "1"]}}]
    assert summary(layers, (3, 8, 8))["layers"][2]["inputs"] == ["0", "1"]


# ---- expressions and printed models ----


def paths(mapping):
    return [call.named["name"] for call in mapping["layers"]]


def test_sequentials_nest_and_have_names():
    text = "nn.Sequential(nn.ReLU(), nn.Sequential(OrderedDict([('a', nn.ReLU()), ('b', nn.Sequential(nn.Tanh()))])))"
    assert paths(expression_mapping(text)) == ["0", "1.a", "1.b.0"]
    assert paths(expression_mapping("Sequential({'x': ReLU(), 'y': Linear(2, 3)})")) == ["x", "y"]


@pytest.mark.parametrize(
    "text",
    [
        "nn.Sequential()",
        "nn.Sequential(*layers)",
        "nn.Sequential(layers)",
        "nn.Sequential(nn.ReLU)()",
        "nn.Sequential(nn.Linear(n, 3))",
        "nn.Sequential(nn.ReLU(), x=3)",
        "nn.Sequential(__import__('os').system('true'))",
        "nn.Sequential(nn.Linear(print(), 3))",
        "nn.Sequential(OrderedDict([('a.b', nn.ReLU())]))",
        "nn.Sequential(" * 2000 + ")" * 2000,
    ],
)
def test_an_expression_that_is_not_a_chain_of_modules_is_an_error(text):
    with pytest.raises(ConvcliError):
        convcli.load(text)


def test_a_file_may_assign_the_model_after_imports(tmp_path):
    path = tmp_path / "model.py"
    path.write_text("# a model\nimport torch.nn as nn\n\nmodel = nn.Sequential(\n    nn.Linear(4, 3),  # so\n)\n")
    assert convcli.load(path).dialect == "torch"
    path.write_text("import os\nos.remove('x')\nmodel = nn.Sequential(nn.ReLU())\n")
    with pytest.raises(ConvcliError):
        convcli.load(path)


def test_keras_s_sequential_stays_keras_s(tmp_path):
    path = tmp_path / "model.py"
    path.write_text("model = Sequential([Dense(3)])\n")
    assert convcli.load(path).dialect == "keras"


TORCHVISION = json.loads((ROOT / "tests/reference/torchvision.json").read_text())["cases"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", TORCHVISION, ids=lambda case: case["name"])
def test_torchvision_s_sequential_networks_are_read_from_their_printed_text(case):
    own = summary(printed_mapping(case["printed"], listed_order=True), case["shape"])
    assert own["output_shape"] == [None, *case["output_shape"]]
    assert {key: own[key] for key in ("params", "buffers", "macs")} == {
        key: case[key] for key in ("params", "buffers", "macs")
    }


VGG = """VGG(
  (features): Sequential(
    (0): Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1), padding=same)
    (1): ReLU(inplace=True)
  )
  (avgpool): AdaptiveAvgPool2d(output_size=(2, 2))
  (classifier): Sequential(
    (0): Linear(in_features=16, out_features=5, bias=True)
    (1): Dropout(p=0.5, inplace=False)
    (2): Linear(in_features=5, out_features=2, bias=True)
  )
)
"""


def test_a_container_without_an_order_of_use_is_an_error_unless_the_listed_order_is_requested(tmp_path):
    path = tmp_path / "model.txt"
    path.write_text(VGG)
    assert "VGG does not say in which order its parts are used" in error(path)
    assert "listed_order=" in error(path)
    with pytest.warns(UserWarning, match="VGG|torch.flatten") as caught:
        own = summary(path, (3, 8, 8), listed_order=True)
    assert [str(warning.message).partition(":")[0] for warning in caught] == [
        "VGG",
        "torch.flatten is taken to stand before classifier.0, a Linear after maps",
    ]
    assert [layer["name"] for layer in own["layers"]] == [
        *("features.0", "features.1", "avgpool", "classifier.0.flatten"),
        *("classifier.0", "classifier.1", "classifier.2"),
    ]
    assert own["params"] == (3 * 3 * 3 * 4 + 4) + (16 * 5 + 5) + (5 * 2 + 2)


def test_no_flatten_is_taken_to_stand_between_linears(tmp_path):
    path = tmp_path / "model.txt"
    path.write_text("Net(\n  (a): Linear(4, 5)\n  (b): BatchNorm1d(5)\n  (c): Linear(5, 2)\n)\n")
    with pytest.warns(UserWarning, match="^Net: "):
        own = summary(path, (4,), listed_order=True)
    assert [layer["name"] for layer in own["layers"]] == ["a", "b", "c"]


def test_equal_modules_of_a_list_are_unfolded():
    text = "Net(\n  (blocks): ModuleList(\n    (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)\n  )\n)"
    with pytest.warns(UserWarning, match="ModuleList, Net: the parts are taken in the order of the text"):
        mapping = printed_mapping(text, listed_order=True)
    assert paths(mapping) == ["blocks.0", "blocks.1", "blocks.2"]


def test_options_that_are_not_printed_are_taken_as_pytorch_s_defaults_with_a_warning():
    pool, upsample = "AvgPool2d(kernel_size=2, stride=2, padding=0)", "Upsample(scale_factor=2.0, mode='bilinear')"
    text = f"Sequential(\n  (0): {pool}\n  (1): {upsample}\n)"
    with pytest.warns(UserWarning, match="does not print") as caught:
        printed_mapping(text, listed_order=False)
    assert [str(warning.message) for warning in caught] == [
        "0: AvgPool2d does not print all its options; ceil_mode=False, count_include_pad=True, "
        "divisor_override=None is taken",
        "1: Upsample does not print all its options; align_corners=None, recompute_scale_factor=None is taken",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Sequential(\n  (0): ReLU()\n",
        "Sequential(\n  (0): ReLU()\n)\n)",
        "Sequential(\n  (0): ReLU()\n)\nSequential(\n  (0): ReLU()\n)",
        "Sequential(\n  (0): Conv2d(3, 4\n)",
        "Sequential(\n  (0-99999999): 100000000 x ReLU()\n)",
        "Sequential(\n(0-4000): 4001 x Sequential(\n(0-4000): 4001 x Sequential(\n(0-4000): 4001 x ReLU()\n)\n)\n)",
        "Sequential(\n  (0): Conv2d(3, 4, kernel_size=os.system('x'))\n)",
    ],
)
def test_a_printed_text_that_is_cut_or_wrong_is_an_error(text):
    with pytest.raises(ConvcliError):
        convcli.load(printed_mapping(text, listed_order=False))
