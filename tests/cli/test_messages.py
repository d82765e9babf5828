"""The whole text of every error.

One table a place that the text comes from: data and models on standard input, layers on the command line, files and
options. Each row is what is given and what is said.
"""

from __future__ import annotations

from zipfile import ZipFile

import numpy as np
import pytest
from click.testing import CliRunner

import convcli
from convcli.cli import main
from convcli.core.errors import ConvcliError
from convcli.engine.native.core import native_core

NUMBERS = "numbers split by commas, tabs, semicolons or spaces"
ONE_ARRAY = f"lines of {NUMBERS}, or a nested list"
TEXT = "UTF-8 text, or an .npy or .npz file"
LITERAL = "a number, text in quotes, list, True, False, None, or arithmetic of numbers"
KERNEL = "rank 1 or 2: one filter; rank 3, 4, 5: a Keras kernel of conv1d, 2d, 3d"
NATIVE = "native or " if native_core() else ""  # an algorithm where the core is built
CONV2D = "filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation, use_bias"


# One white pixel; the other breaks off.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c63f80f0001010100b138f614"
    "0000000049454e44ae426082"
)
GIF = b"GIF89a\1\0\1\0\x80\0\0\xff\xff\xff\0\0\0,\0\0\0\0\1\0\1\0\0\2\2"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the command line in a folder of its own: the exit code, and what is said."""
    monkeypatch.chdir(tmp_path)

    def run_in_folder(*arguments, stdin=None):
        done = CliRunner().invoke(main, arguments, input=stdin, catch_exceptions=False)
        return done.exit_code, done.output

    return run_in_folder


def npy(header, data=b""):
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        # documents
        ('{"a": 1, "a": 2}', "'a' is given twice"),
        ("a: 1\na: 2", "line 2, column 1: 'a' is given twice (valid YAML)"),
        ("? [1]\n: 2", "line 1, column 3: a key must be a word (valid YAML)"),
        ("- !mine 1", "line 1, column 3: could not determine a constructor for the tag '!mine' (valid YAML)"),
        ("- !!int x", "a value that cannot be read: invalid literal for int() with base 10: 'x' (valid YAML)"),
        ("[" * 99_999, "too deeply nested"),
        ("? " + "- " * 1500 + "1", "too deeply nested"),
        # arrays: text
        ("", "is empty"),
        ("1\0", f"holds null bytes ({TEXT})"),
        (b"[1, \xe9]", f"byte 4 is not text ({TEXT})"),
        ("hello", f"'hello' is not an array ({ONE_ARRAY})"),
        ("x,y\n1,z", f"line 2, column 2: 'z' is not a number ({NUMBERS})"),
        ("x,y\nm,s\n1,2", f"line 2, column 1: 'm' is not a number ({NUMBERS})"),
        ("1,2\n\n3,4", "line 2: an empty line begins another map (one map a file; npy and json hold several)"),
        ("1,2\n3", "line 2: 1 number, the first line has 2"),
        ("1,2\n3, x", f"line 2, column 2: 'x' is not a number ({NUMBERS})"),
        ("0,5;1,5", "line 1, column 1: '0,5' is not a number (a decimal point)"),
        ("{}", "no array in a mapping of nothing (data: or output:)"),
        ('{"\\n\\u001b": 1}', r"no array in a mapping of \n\x1b (data: or output:)"),
        ("{a: 1, b: 2}", "no array in a mapping of a, b (data: or output:)"),
        ("{data: [1], unit: m}", "unknown key 'unit' beside data (dtype, or none)"),
        (
            "{data: [1], dtype: int}",
            "dtype 'int' (one of bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, "
            "float16, float32, float64)",
        ),
        ("[[1, 2], [3]]", "[1]: shape (1,), its neighbours have (2,) (rows of equal length)"),
        ("[[1, 2], [3, ~]]", "[1]: [1]: None is not a number"),
        (
            "[0, 'so long a word that the message shows no more of it than fits']",
            "[1]: 'so long a word that the message shows no more of it than... is not a number",
        ),
        # arrays: binary
        (b"\x93NUMPY", "broken NPY header: EOF: reading magic string, expected 8 bytes got 6"),
        (
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3)}\n", bytes(9)),
            "the header promises 48 bytes (float64 of shape (2, 3)), 9 follow",
        ),
        (
            npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n", b"\x80\x04N."),
            "holds Python objects, which are never loaded (an array of numbers)",
        ),
        (npy("{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}\n", bytes(8)), "complex64 values (real numbers)"),
        (b"\x93NUMPY\x04\x01" + bytes(100), "broken NPY header: version 4.1"),
        (b"PK\x03\x04", "broken NPZ archive: File is not a zip file"),
        (b"PK\x05\x06" + bytes(18), "which array? it holds none (-- -:KEY)"),
        # arrays: number type and layout
        (
            "[9007199254740993]",
            "[0]: float64 does not hold the whole number 9007199254740993 exactly (with a decimal point it is rounded)",
        ),
        ("[1, 2]", "shape (2,) has rank 1 (rank 2: one sample of one channel, 3: with channels, 4: with a batch too)"),
    ],
)
def test_data(run, data, message):
    assert run("apply", "-", "-l", "MaxPooling2D(1)", stdin=data) == (1, f"Error: standard input: {message}\n")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x89PNG\r\n", "an image that Pillow cannot read (an .npy file of its values)"),
        (PNG[:41], "broken image: Truncated File Read"),
        (PNG[:45] + b"x" + PNG[46:], "broken image: broken PNG file (bad header checksum in b'IDAT')"),
        (GIF, "broken image: image file is truncated (1 bytes not processed)"),
    ],
)
def test_pictures(run, data, message):
    assert run("apply", "-", "-l", "MaxPooling2D(1)", stdin=data) == (1, f"Error: standard input: {message}\n")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        # readers
        ("~", "is not a model (a mapping with layers, a list of layers, one layer, or a kernel)"),
        ("[[[[[[1]]]]]]", f"a kernel of shape (1, 1, 1, 1, 1, 1) ({KERNEL})"),
        # layers as a file writes them
        (
            "[flatten, 5]",
            "layers[1]: 5 is not a layer "
            "(one key, its type, with its arguments indented under it; or text such as Conv2D(40, 3))",
        ),
        ("[flatten, {dense: [1]}]", "layers[1]: dense: [1] is not a mapping (arguments by name)"),
        # the whole
        ("{layers: []}", "layers: no layers (a list with at least one layer)"),
        ("{layers: [flatten], outptus: x}", "unknown key 'outptus' (did you mean outputs?)"),
        (
            "{layers: [flatten], unit: m}",
            "unknown key 'unit' (known: data_format, dialect, input, layers, name, outputs)",
        ),
        ("{layers: [flatten], data_format: NHWC}", "data_format: 'NHWC' (channels_last or channels_first)"),
        ("{layers: [flatten], input: 8}", "input: 8 is not a shape (such as [28, 28, 1] or 28x28x1)"),
        ("{layers: [flatten], input: {a: []}}", "input: a: [] is not a shape (such as [28, 28, 1] or 28x28x1)"),
        (
            "{layers: [flatten], input: [8, 0]}",
            "input: extent 0 in [8, 0] (a whole number of at least 1, or ? for an unknown one)",
        ),
        ("{layers: [flatten], input: {}}", "input: no inputs (at least one, at most 1,000)"),
        ("{layers: [flatten], outputs: [x]}", "outputs: no layer 'x' (known: flatten)"),
        ("{layers: [flatten], outputs: {a: 1}}", "outputs: no layer {'a': 1} (known: flatten)"),
        ("{layers: [flatten], outputs: []}", "outputs: [] (names of layers, each once)"),
        # the graph
        ("[flatten: {name: 5}]", "layers[0]: name: 5 (a printable word)"),
        ("[flatten: {name: input}]", "layers[0]: name: 'input' is the name of an input (a name of its own)"),
        ("[flatten: {name: a}, flatten: {name: a}]", "layers[1]: name: 'a' is taken (a name of its own)"),
        ("[flatten: {trainable: 1}]", "layer flatten: trainable: 1 (true or false)"),
        ("[flatten: {left_out: 5}]", "layer flatten: left_out: 5 (a list of names of arguments)"),
        (
            "[flatten, flatten: {input_shape: [8]}]",
            "layer flatten_1: input_shape belongs to the first layer (leave it out)",
        ),
        (
            "{data_format: channels_last, layers: [spatial_dropout1d: {rate: 0.5, data_format: channels_first}]}",
            "layer spatial_dropout1d: data_format: channels_first, but the model's is channels_last "
            "(one data format for the whole model, beside its layers)",
        ),
        (
            "{layers: [flatten], input: {a: [8], b: [8]}}",
            "layer flatten: does not say which input it takes (inputs: one of a, b)",
        ),
        (
            "[flatten: {inputs: inptu}]",
            "layer flatten: inputs: no layer or input 'inptu' before this one (did you mean input?)",
        ),
        (
            "[flatten: {inputs: x}]",
            "layer flatten: inputs: no layer or input 'x' before this one (a layer's inputs come before it)",
        ),
        ("[add: {inputs: [input, true]}]", "layer add: inputs: True (names of layers or inputs, or numbers)"),
        # weight values
        (
            "conv1d: {filters: bmp}",
            "layer conv1d: filters: 'bmp' is neither a file nor a filter of the bank (did you mean bump?)",
        ),
        (
            "conv1d: {filters: 'gausian:size=3'}",
            "layer conv1d: filters: 'gausian:size=3' is neither a file nor a filter of the bank "
            "(did you mean gaussian?)",
        ),
        (
            "conv1d: {filters: xyz}",
            "layer conv1d: filters: 'xyz' is neither a file nor a filter of the bank (convcli filters lists them)",
        ),
        (
            "conv2d: {filters: {blur: gaussian:size=4}}",
            "layer conv2d: filters: blur: gaussian: size=4 (an odd whole number from 1 to 1001)",
        ),
        (
            "conv2d: {filters: gaussian:rank=1}",
            "layer conv2d: filters: gaussian:rank=1: a filter of shape (5,) "
            "(rank 2 for the 2 spatial axes, or 3 with channels last)",
        ),
        ("conv1d: {filters: none.npy}", "layer conv1d: filters: none.npy: no such file or directory"),
        ("conv1d: {filters: {}}", "layer conv1d: filters: no filters (at least one)"),
        (
            "conv2d: {filters: [1, 2]}",
            "layer conv2d: filters: a filter of shape (2,) (rank 2 for the 2 spatial axes, or 3 with channels last)",
        ),
        (
            "conv1d: {filters: {a: 5}}",
            "layer conv1d: filters: a: a filter of shape () (rank 1 for the 1 spatial axis, or 2 with channels last)",
        ),
        (
            "conv1d: {filters: {a: [1, 2], b: [1]}}",
            "layer conv1d: filters: b: shape (1,), but filter a has (2,) (filters of one shape)",
        ),
        ("conv1d: {filters: {a: [x]}}", "layer conv1d: filters: a: [0]: 'x' is not a number"),
        (
            "conv1d: {filters: bump, bias: {output: {a: [1], b: [2]}}}",
            "layer conv1d: bias: holds several arrays: a, b (one of them, as file.npz:key)",
        ),
        (
            "conv2d: {kernel: [[[[1]]]], kernel_layout: OIH}",
            "layer conv2d: kernel: kernel_layout: 'OIH' "
            "(one letter for each axis: I in, O out, and 2 of D H W or K, such as OIHW)",
        ),
        (
            "conv2d: {kernel: [[[1]]], kernel_layout: OIHW}",
            "layer conv2d: kernel: kernel_layout: 'OIHW' for a kernel of shape (1, 1, 1) (one letter for each axis)",
        ),
        # arguments and weights
        (
            "conv1d: {filters: bump, kernel_size: 5}",
            "layer conv1d: kernel_size is 5, but the weights imply (3,) (leave it out)",
        ),
        ("conv2d: {kernel_layout: OIHW}", "layer conv2d: kernel_layout without a kernel (kernel: an array)"),
        ("conv1d: {filters: bump, kernel: bump}", "layer conv1d: filters and kernel both hold weights (one of them)"),
        ("conv1d: {kernel: bump}", "layer conv1d: kernel: rank 1 (rank 3; a filter by itself goes under filters)"),
    ],
)
def test_models(run, model, message):
    assert run("shape", "-", "-i", "8x8x1", stdin=model) == (1, f"Error: standard input: {message}\n")


@pytest.mark.parametrize(
    ("shape", "layer", "message"),
    [
        # the call form
        (
            "8x1",
            "Conv1D(",
            "layers[0]: 'Conv1D(' is not a layer: '(' was never closed "
            "(such as Conv2D(40, 3), in quotes inside a list)",
        ),
        ("8x1", "Conv1D(1)(2)", "layers[0]: 'Conv1D(1)(2)' is not a layer (such as Conv2D(40, 3))"),
        ("8x1", "Dense(**{})", "layers[0]: ** in 'Dense(**{})' (arguments by name)"),
        ("8x1", "Dense(1, units=1)", "layers[0]: units is given twice in Dense(…)"),
        (
            "8x1",
            "Dense(1, None, True, 1)",
            "layers[0]: Dense takes 3 arguments by position, got 4 (in order: units, activation, use_bias)",
        ),
        ("8x1", "Dense(2**3)", f"layers[0]: '2 ** 3' is not a literal ({LITERAL})"),
        (
            "8x1",
            "Dense(" + "-" * 50_000 + "1)",
            f"layers[0]: 'Dense({'-' * 50}... is not a layer: too deep "
            "(such as Conv2D(40, 3), in quotes inside a list)",
        ),
        (
            "8x1",
            "Dense(" + "1," * 50_000 + ")",
            f"layers[0]: 'Dense({'1,' * 25}... is not a layer: 100,007 characters (arrays in files, or in a mapping)",
        ),
        ("8x1", "dens(1)", "layers[0]: unknown layer type 'dens' (did you mean dense?)"),
        ("8x1", "zzz", "layers[0]: unknown layer type 'zzz' (convcli help layer-types lists them)"),
        # arguments
        (
            "8x1",
            "Conv1D(1, 3, stride=2)",
            "layer conv1d: Conv1D has no argument 'stride' (did you mean strides?)",
        ),
        (
            "8x8x1",
            "Conv2D(1, 3, zzz=2)",
            f"layer conv2d: Conv2D has no argument 'zzz' (known: {CONV2D}, activation_axis, padding_mode, "
            "flip_kernel, kernel, bias)",
        ),
        ("8x1", "Identity(zzz=2)", "layer identity: Identity has no argument 'zzz' (known: none)"),
        ("8x1", "Flatten(bias=1)", "layer flatten: Flatten has no argument 'bias' (known: data_format)"),
        (
            "8x1",
            "Dense(1, gamma=1)",
            "layer dense: Dense has no argument 'gamma' (known: units, activation, use_bias, axis, kernel, bias)",
        ),
        (
            "8x1",
            "Conv1D(1)",
            "layer conv1d: kernel_size is missing (kernel_size: a whole number; or the kernel itself)",
        ),
        ("8x1", "Dropout()", "layer dropout: rate is missing (rate: a value)"),
        # layers: readers of arguments
        ("8x1", "Dense(0)", "layer dense: units: 0 (a whole number, at least 1)"),
        ("8x1", "Dense(1, use_bias=0)", "layer dense: use_bias: 0 (true or false)"),
        ("8x1", "ELU('a')", "layer elu: alpha: 'a' (a number)"),
        ("8x1", "Rescaling([1, True])", "layer rescaling: scale: True (a number)"),
        (
            "8x1",
            "Conv1D(1, 3, padding_mode='zero')",
            "layer conv1d: padding_mode: 'zero' (one of zeros, reflect, symmetric, replicate, circular)",
        ),
        (
            "8x8x1",
            "Conv2D(1, 3, strides=[1])",
            "layer conv2d: strides: [1] (one whole number, or one for each of the 2 spatial axes)",
        ),
        ("8x8x1", "Conv2D(1, 3, strides=[1, 0])", "layer conv2d: strides: 0 (a whole number, at least 1)"),
        (
            "8x8x1",
            "Conv2D(1, 3, padding='causal')",
            "layer conv2d: padding: 'causal' (valid, same, same_lower, full, or numbers of cells)",
        ),
        (
            "8x1",
            "Conv1DTranspose(1, 3, padding='full')",
            "layer conv1d_transpose: padding: 'full' (valid, same, same_lower, or numbers of cells)",
        ),
        ("8x8x1", "Conv2D(1, 3, padding=-1)", "layer conv2d: padding: -1 (a whole number, at least 0)"),
        (
            "8x8x1",
            "ZeroPadding2D([1, 2, 3])",
            "layer zero_padding2d: padding: [1, 2, 3] "
            "(a number, one for each of the 2 spatial axes, or [[before, after], ...])",
        ),
        ("8x1", "Softmax('a')", "layer softmax: axis: 'a' (an axis number)"),
        (
            "8x1",
            "Activation('rleu')",
            "layer activation: activation: 'rleu' is not an activation (did you mean relu?)",
        ),
        ("8x1", "Dropout(1)", "layer dropout: rate: 1 (0 or more and below 1)"),
        (
            "8x1",
            "Reshape((-1, -1))",
            "layer reshape: target_shape: [-1, -1] (positive whole numbers, one of which may be -1)",
        ),
        (
            "8x1",
            "Permute(1)",
            "layer permute: dims: 1 (the numbers of all axes but the batch, from 1, in their new order)",
        ),
        (
            "8x1",
            "DepthwiseConv1D({'a': [[1, 2]]})",
            "layer depthwise_conv1d: kernel_size: {'a': [[1, 2]]} (a whole number, at least 1)",
        ),
        (
            "8x1",
            "DepthwiseConv1D(filters={'a': [[1, 2]]})",
            "layer depthwise_conv1d: filters: a filter of a depthwise layer has no channels, got shape (1, 2) "
            "(shape (1,); it is applied to every channel)",
        ),
        # layers: on inputs
        ("8x1", "Add()", "layer add: takes at least 2 inputs, got 1 (inputs: [NAME, NAME])"),
        ("8x1", "Flatten(inputs=['input', 'input'])", "layer flatten: takes 1 input, got 2 (inputs: NAME)"),
        ("8x1", "Subtract()", "layer subtract: takes 2 inputs, got 1 (inputs: [NAME, NAME])"),
        ("8x1", "Add(inputs=[1, 2])", "layer add: takes the output of a layer, not numbers alone (inputs: NAME)"),
        ("8", "Conv2D(1, 3)", "layer conv2d: takes 3 axes (height, width, channels) besides the batch, got (8,)"),
        ("8x3", "Conv1D(1, 3, groups=2)", "layer conv1d: input channels (=3) must be divisible by groups (=2)"),
        ("8x2", "Conv1D(3, 3, groups=2)", "layer conv1d: filters (=3) must be divisible by groups (=2)"),
        (
            "8x3",
            "Conv1D('bump')",
            "layer conv1d: the filters are 1 deep, the input has 3 channels "
            "(a filter has the depth of its input, here 3; depthwise_conv1d filters each channel by itself)",
        ),
        (
            "8x8x4",
            "Conv2D(filters={'a': 'sobel-x', 'b': 'sobel-y'}, groups=2)",
            "layer conv2d: the filters are 1 deep, the input has 4 channels in 2 groups "
            "(a filter has the depth of its input, here 2; depthwise_conv2d filters each channel by itself)",
        ),
        (
            "8x3",
            "Conv1DTranspose('bump')",
            "layer conv1d_transpose: the filters are 1 deep, the input has 3 channels "
            "(a filter has the depth of its input, here 3)",
        ),
        (
            "8x1",
            "Conv1DTranspose(1, 2, 2, output_padding=2)",
            "layer conv1d_transpose: length: output_padding (=2) must be smaller than the stride (=2) or dilation",
        ),
        ("8x4", "GroupNormalization(3)", "layer group_normalization: channels (=4) must be divisible by groups (=3)"),
        (
            "8x4",
            "Normalization(mean=1)",
            "layer normalization: mean without variance, or variance without mean (both, or neither)",
        ),
        (
            "8x4",
            "Normalization(mean=1, variance=[1, 2])",
            "layer normalization: variance has 2 values, the input 4 channels (one a channel)",
        ),
        ("8x4", "Rescaling([1, 2])", "layer rescaling: scale has 2 values, the input 4 channels (one a channel)"),
        ("8x4", "LayerScale(1, 3)", "layer layer_scale: projection_dim (=3) must be the input's 4 channels"),
        (
            "8x4",
            "Reshape((3, -1))",
            "layer reshape: (8, 4) holds 32 values, which (3, -1) does not divide (a multiple of 3)",
        ),
        ("8x4", "Permute((1, 3, 2))", "layer permute: dims [1, 3, 2] for an input of 2 axes (one number an axis)"),
        # geometry and steps
        (
            "8x4",
            "Softmax(3)",
            "layer softmax: axis 3 is not one of the input's 3 axes (1 to 2, or -2 to -1; 0 is the batch)",
        ),
        (
            "8x1",
            "Conv1D(1, 4, 2, 1, dilation_rate=5)",
            "layer conv1d: length: a window of 4 cells dilated to 16 does not fit in 8: "
            "(8 - 16 + 1 + 1) / 2 + 1 is below 1 (at least 14 would do)",
        ),
        (
            "8x1",
            "MaxPooling1D(2, padding=2)",
            "layer max_pooling1d: padding of 2 around windows of 2 cells "
            "(less than a window, so that each holds some input)",
        ),
        (
            "8x1",
            "Conv1D(1, 3, padding=9, padding_mode='reflect')",
            "layer conv1d: length: reflect padding of 9 on 8 cells (at most 7 here)",
        ),
        ("8x1", "Cropping1D(4)", "layer cropping1d: length: cropping 4 + 4 of 8 cells leaves none"),
        ("8x4", "Reshape((3,))", "layer reshape: (8, 4) holds 32 values, (3,) 3 (the two must be equal)"),
        ("7x3", "glu", "layer activation: glu halves its axis, which has 3 cells (an even number)"),
        # the model
        ("8x1", "Conv1D('bump', bias=[1, 2])", "layer conv1d: bias: shape (2,) ((1,) here)"),
        (
            "8x1",
            "Dense(1, use_bias=False, bias=1)",
            "layer dense: a bias is given, but use_bias is False (one of them)",
        ),
    ],
)
def test_layers(run, shape, layer, message):
    assert run("shape", "-i", shape, "-l", layer) == (1, f"Error: --layer: {message}\n")


FILES = {
    "x.yaml": "[1, 2, 3, 4]",
    "bad.json": "[1, 2",
    "two.yaml": "input: {a: [2], b: [2]}\nlayers: [\"Add(inputs=['a', 'b'])\"]\noutputs: [add]",
    "forked.yaml": "layers: [Rescaling(2), Rescaling(3)]\noutputs: [rescaling, rescaling_1]",
    "broadcast.yaml": "input: {a: [2], b: [3]}\nlayers: [\"Add(inputs=['a', 'b'])\"]",
    "ranks.yaml": "input: {a: [2], b: [2, 2]}\nlayers: [\"Concatenate(inputs=['a', 'b'])\"]",
    "sides.yaml": "input: {a: [2, 1], b: [3, 2]}\nlayers: [\"Concatenate(inputs=['a', 'b'])\"]",
    "deep.yaml": "input: [9, 1]\nlayers: [MaxPooling1D(3), 'Conv1D(1, 3)']",
    "image.yaml": "input: [8, 9, 3]\nlayers: ['Conv2D(1, 3)']",
}
ARRAYS = {
    "ab.npz": {"a": np.ones((1, 2)), "b": np.ones((1, 2))},
    "uneven.npz": {"a": np.ones((1, 2)), "b": np.ones((3, 2))},
    "none.npz": {},
    "four.npz": {"a": np.ones((1, 1, 1, 1))},
    "endless.npz": {"a": np.array([np.inf, -np.inf])},
    "text.npz": {"a": np.array(["x"])},
    "w.npz": {"conv1d/kernel": np.ones((3, 2, 1)), "dense/kernel": np.ones((4, 1))},
}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        # arrays: files
        ("apply nothing.npy -l flatten", "nothing.npy: no such file or directory"),
        ("apply bad.json -l flatten", "bad.json: line 1, column 6: Expecting ',' delimiter (valid JSON)"),
        ("apply x.yaml:a -l flatten", "x.yaml: holds one array, not a 'a' (leave out the key)"),
        ("apply ab.npz -l flatten", "ab.npz: which array? it holds a, b (ab.npz:a)"),
        ("apply ab.npz:c -l flatten", "ab.npz: no array 'c': it holds a, b (ab.npz:a)"),
        ("apply text.npz -l flatten", "text.npz: a: <U1 values (real numbers)"),
        ("apply member.npz -l flatten", "member.npz: a.txt: is not an NPY array"),
        ("apply x.yaml two.yaml", "x.yaml: holds a single array without a name (an .npz file)"),
        (
            "apply x.yaml -l flatten",
            "x.yaml: shape (4,) has no batch and channel axis ((batch, ..., channels), at least rank 2)",
        ),
        # readers
        ("apply x.yaml ab.npz", "ab.npz: which array? it holds a, b (FILE.npz:a)"),
        # weights
        (
            "apply x.yaml -l Conv1D(1,3)",
            "--layer: layer conv1d: no values for kernel (3, 1, 1) "
            "(--weights FILE, --seed N, or the values in the model)",
        ),
        (
            "apply x.yaml deep.yaml",
            "x.yaml: a sample has shape (4, 1) (the model takes (9, 1), ? where any extent will do)",
        ),
        ("apply x.yaml -l Conv1D(1,3) --weights w.npz", "w.npz: conv1d/kernel: shape (3, 2, 1) ((3, 1, 1) here)"),
        ("apply x.yaml -l Conv1D(1,3) --weights x.yaml", "x.yaml: holds a single array without a name (an .npz file)"),
        # inputs
        (
            "apply image.npy -l Conv2D(1,3) --gray",
            "image.npy: --gray: 5 channels (3 or 4: red, green, blue, alpha)",
        ),
        # steps that merge
        (
            "shape broadcast.yaml",
            "broadcast.yaml: layer add: shapes (2,) and (3,) do not broadcast (extents must be equal, or 1)",
        ),
        ("shape ranks.yaml", "ranks.yaml: layer concatenate: cannot concatenate (2,) and (2, 2) (ranks must be equal)"),
        (
            "shape sides.yaml",
            "sides.yaml: layer concatenate: cannot concatenate (2, 1) and (3, 2) "
            "(all extents but those of the concatenated axis must be equal)",
        ),
        # api
        (
            "shape deep.yaml -i 8x1",
            "deep.yaml: layer conv1d: length: a window of 3 cells does not fit in 2: "
            "(2 - 3 + 0 + 0) / 1 + 1 is below 1 "
            "(at least 3 would do; the model needs an input of at least 9)",
        ),
        (
            "shape image.yaml -i 3x8",
            "image.yaml: layer conv2d: takes 3 axes (height, width, channels) besides the batch, got (3, 8)",
        ),
        (
            "shape image.yaml -i 1x8x9",
            "image.yaml: layer conv2d: height: a window of 3 cells does not fit in 1: "
            "(1 - 3 + 0 + 0) / 1 + 1 is below 1 "
            "(at least 3 would do; the input looks channels_first: --data-format channels_first)",
        ),
        ("apply uneven.npz two.yaml", "batches of different sizes: {'a': 1, 'b': 3} (as many samples of each input)"),
        ("apply a=uneven.npz:a two.yaml", "no array for the input 'b' (NAME=FILE for each, or one .npz of all)"),
        ("apply w.npz two.yaml", "conv1d/kernel: the model has no such input (it has a, b)"),
        # algorithms
        (
            "apply x.yaml -l Conv1D('bump') --algorithm phases",
            "--layer: layer conv1d: algorithm phases does not suit this layer: it is for transposed convolutions "
            f"({NATIVE}patches or banded or interleaved or plain, or auto)",
        ),
        # render
        (
            "apply ab.npz:a forked.yaml -f csv",
            "csv holds one output (-o X.npz for all, or --layer-output NAME for one)",
        ),
        (
            "apply ab.npz:a forked.yaml -f npy",
            "npy holds one output (-o X.npz for all, or --layer-output NAME for one)",
        ),
        ("shape -i 8 -l flatten -o no/x.json", "no/x.json: no such file or directory"),
        # the command line
        (
            "apply x.yaml --filter bmp",
            "--filter: 'bmp' is neither a file nor a filter of the bank (did you mean bump?)",
        ),
        (
            "apply x.yaml --filter bump --filter sobel-x",
            "--filter: sobel-x is 2-D, but bump is 1-D (filters of one rank)",
        ),
        (
            "apply x.yaml --filter step --filter bump",
            "--filter: step (size 2) cannot be centred in 3 (sizes that are all odd, or all even; or --padding same)",
        ),
        ("apply x.yaml --filter four.npz:a", "--filter: four.npz:a has 4 axes (1, 2 or 3)"),
        (
            "apply x.yaml --filter endless.npz:a --normalize",
            "--filter: endless.npz:a: values without a finite sum cannot be normalized",
        ),
        # the bank
        ("filters bmp", "'bmp' is not a filter of the bank (did you mean bump?)"),
        ("filters xyz", "'xyz' is not a filter of the bank (convcli filters lists them)"),
        ("filters box:siz=3", "box: no parameter 'siz' (it has size=3, rank=2)"),
        ("filters sobel-x:size=3", "sobel-x: no parameter 'size' (it has rank=2)"),
        ("filters box:", "box: no parameter '' (it has size=3, rank=2)"),
        ("filters box:size", "box: size without a value (such as size=3)"),
        ("filters box:size=3,size=3", "box: size is given twice"),
        ("filters box:size=0", "box: size=0 (a whole number from 1 to 1001)"),
        ("filters gaussian:size=4", "gaussian: size=4 (an odd whole number from 1 to 1001)"),
        ("filters gaussian:sigma=wide", "gaussian: sigma=wide (a number from 0.01 to 10000)"),
        ("filters unsharp:amount=-1", "unsharp: amount=-1 (a number from 0 to 1000)"),
        ("filters gabor:theta=400", "gabor: theta=400 (a number from -360 to 360)"),
        ("filters box:size=1001,rank=3", "box: 1,003,003,001 values (at most 1,002,001)"),
        ("filters step bump -f npy", "npy holds one filter (one NAME, or -o X.npz for all)"),
        # explanations
        ("explain x.yaml -l Conv1D(1,2) --seed 1 --at 3", "at: 3 is outside conv1d (0 to 2)"),
        ("explain x.yaml -l Conv1D(1,2) --seed 1 --at 0,0", "at: 0,0: conv1d has 1 axis in space (0 to 2)"),
        (
            "explain x.yaml -l Conv1D(1,2) --seed 1 -l Flatten() --at 0",
            "at: 0: flatten has no axes in space (without --at; --map names a value)",
        ),
        ("explain x.yaml -l Conv1D(1,2) --seed 1 --at 0 --sample 1", "sample: there is no 1 (0, the only one)"),
        (
            "explain ab.npz two.yaml --sample 5",
            "sample: there is no 5 (0, the only one)",
        ),
        (
            "explain ab.npz forked.yaml --at 0",
            "ab.npz: which array? it holds a, b (ab.npz:a)",
        ),
        (
            "explain ab.npz:a forked.yaml",
            "forked.yaml: the model has several outputs: rescaling, rescaling_1 (--layer-output NAME)",
        ),
        (
            "explain x.yaml -l Conv1D(1,2) --seed 1 -l Flatten() -o x.gif",
            "no window slides over one or two axes in flatten (a convolution or pooling of 1-D or 2-D)",
        ),
    ],
)
def test_files(run, tmp_path, arguments, message):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    np.save(tmp_path / "image.npy", np.ones((4, 4, 5)))
    for name, arrays in ARRAYS.items():
        np.savez(tmp_path / name, **arrays)
    with ZipFile(tmp_path / "member.npz", "w") as archive:
        archive.writestr("a.txt", "hello")
    assert run(*arguments.split(" ")) == (1, f"Error: {message}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("apply", "Missing argument 'INPUT [MODEL]'."),
        ("apply x.yaml", "MODEL is missing (a file, or layers with -l 'Conv2D(40, 3)')"),
        ("apply - -", "only one argument can be - (standard input)"),
        ("apply x.yaml -l flatten --filter bump", "-l and --filter both stand in place of MODEL"),
        ("apply x.yaml -l flatten --normalize", "--normalize goes with --filter"),
        (
            "apply x.yaml -l flatten --layer-output a --all-layers",
            "--layer-output names one layer, --all-layers is for every one",
        ),
        (
            "apply x.yaml -l flatten --layer-output flaten",
            "--layer-output flaten: no such layer (did you mean flatten?)",
        ),
        (
            "apply x.yaml -l flatten --scale 1/0",
            "--scale: '1/0' is not a factor (a number or quotient, such as 1/255)",
        ),
        ("apply x.yaml -l Conv1D(3,2) --seed 1 --map 3", "--map 3: no such map (maps 0 to 2)"),
        ("apply x.yaml -l Conv1D(1,2) --seed 1 --map bump", "--map bump: no such map (map 0)"),
        ("apply x.yaml --filter bump --map bmp", "--map bmp: no such map (did you mean bump?)"),
        (
            "apply x.yaml -l Conv1D({'left':[1,0],'right':[0,1]}) --map 2",
            "--map 2: no such map (maps 0 to 1: left, right)",
        ),
        (
            "apply x.yaml -l Conv1D({'left':[1,0],'right':[0,1]}) --map other",
            "--map other: no such map (known: left, right)",
        ),
        ("apply x.yaml -l ReLU() --all-layers --map 0", "--map is of one layer's maps (--layer-output NAME)"),
        (
            "apply x.yaml -l flatten --algorithm fft",
            "Invalid value for '--algorithm': 'fft' is not one of 'auto', 'native', 'patches', 'banded', "
            "'winograd', 'space_to_depth', 'fourier', 'interleaved', 'channelwise', 'phases', 'plain'.",
        ),
        (
            "apply x.yaml x.yaml -l flatten",
            "2 inputs for a model of one "
            "(--output-dir DIR answers each by itself; with -l or --filter there is no MODEL)",
        ),
        ("apply a=x.yaml x.yaml two.yaml", "x.yaml: which input? (NAME=FILE for each of a, b)"),
        (
            "apply x.yaml -l flatten -l flatten --padding same",
            "--padding is for a model of one layer; write it in the model",
        ),
        (
            "apply x.yaml -l flatten -o x.doc",
            "-o x.doc: no format here has the suffix .doc "
            "(.txt .md .markdown .json .yaml .yml .csv .npy .npz .png .tif .tiff .jpg .jpeg .html .htm, or give -f)",
        ),
        (
            "filters --normalize",
            "--normalize changes values, which the list does not show (NAME, or -f json)",
        ),
        ("explain x.yaml -l Conv1D(1,2) --seed 1", "which value? (--at 0 to 2, or --walk)"),
        (
            "explain x.yaml -l Conv1D(1,2) --seed 1 --at a",
            "Invalid value for '--at': 'a' (an index for each axis in space, from 0, such as 3,4)",
        ),
        (
            "explain x.yaml -l Conv1D(1,2) --seed 1 --at 0 --walk",
            "--at is one position, --walk goes through all of them",
        ),
        ("explain x.yaml -l Conv1D(1,2) --seed 1 --at 0 --limit 3", "--limit is for --walk"),
        (
            "explain x.yaml -l Conv1D(1,2) --seed 1 --walk --limit 2 -o x.html",
            "--limit is not shown in html (-f table, json, yaml or csv)",
        ),
        (
            "apply x.yaml --filter bump --show-weights -f html",
            "--show-weights is not shown in html (-f table, json, yaml or csv)",
        ),
        ("explain x.yaml -l Conv1D(1,2) --seed 1 --at 0 --map 1", "--map 1: no such map (map 0)"),
        ("shape", "MODEL is missing (a file, or layers with -l 'Conv2D(40, 3)')"),
        (
            "shape x.yaml -l flatten",
            "MODEL and -l both name the layers (a file, or layers with -l 'Conv2D(40, 3)')",
        ),
        ("shape -l flatten", "the input's shape is missing (-i 28x28x1, or input: in the model)"),
        ("shape -l flatten -i 8x1 -f tree --at 1", "--at is not shown in tree (-f table, json, yaml or csv)"),
        (
            "shape -l flatten -i 8x1 -o x.mmd --count macs",
            "--count is not shown in mermaid (-f table, json, yaml or csv)",
        ),
        (
            "shape -l flatten -i 8x1 -o x.doc",
            "-o x.doc: no format here has the suffix .doc "
            "(.txt .md .markdown .json .yaml .yml .csv .dot .gv .mmd .mermaid, or give -f)",
        ),
        ("shape two.yaml -i 2", "two.yaml: -i 2: for which input? (NAME=SHAPE, of a, b)"),
        ("shape two.yaml -i c=2", "two.yaml: -i c=2: for which input? (NAME=SHAPE, of a, b)"),
        ("shape two.yaml -i a=2 -i a=2", "two.yaml: -i a=2: a has a shape already"),
        (
            "shape -l flatten -i 8xx1",
            "-i 8xx1: extent '' in '8xx1' (a whole number of at least 1, or ? for an unknown one)",
        ),
    ],
)
def test_usage(run, tmp_path, arguments, message):
    for name in ("x.yaml", "two.yaml"):
        (tmp_path / name).write_text(FILES[name])
    code, said = run(*arguments.split(" "))
    command = arguments.partition(" ")[0]
    assert (code, said.splitlines()[-1]) == (2, f"Error: {message}")
    assert said.startswith(f"Usage: main {command} [OPTIONS] ")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: convcli.convolve([1, 2], [1], algorithm="fft"),
            "layer conv1d: algorithm 'fft' (auto, native, patches, banded, winograd, space_to_depth, fourier, "
            "interleaved, channelwise, phases, plain)",
        ),
        (lambda: convcli.convolve([1, 2], 5), f"a kernel of shape () ({KERNEL})"),
        (
            lambda: convcli.summarize(convcli.load(["flatten"])),
            "the shape of 'input' is not known (input_shape=(28, 28, 1), or input: in the model)",
        ),
        (
            lambda: convcli.summarize(convcli.load(["flatten"]), {"x": [8]}),
            "no input 'x' (the model has input)",
        ),
    ],
)
def test_calls_of_the_library(call, message):
    with pytest.raises(ConvcliError) as caught:
        call()
    assert str(caught.value) == message


LEARNED = {
    "two.yaml": "input: {a: [2], b: [2]}\nlayers: [\"Add(inputs=['a', 'b'])\", Dense(1)]",
    "outputs.yaml": "layers: [\"Dense(1, inputs='input')\", \"Dense(2, inputs='input')\"]\noutputs: [dense, dense_1]",
    "unread.json": "[1, 2",
}
TARGETS = {
    "x.npy": np.ones((4, 6, 6, 1)),
    "y.npy": np.ones((4, 4, 4, 1)),
    "flat.npy": np.ones((4, 2)),
    "few.npy": np.ones((3, 4, 4, 1)),
    "nan.npy": np.full((4, 6, 6, 1), np.nan),
    "far.npy": np.full((4, 4, 4, 1), 1e60),
    "classes.npy": np.array([0, 1, 2, 5]),
}
CLASSES = "-l Flatten() -l Dense(3,activation='softmax')"


@pytest.fixture
def learn(run, tmp_path):
    """Runs fit on the files above: the exit code, and what is said."""
    for name, text in LEARNED.items():
        (tmp_path / name).write_text(text)
    for name, array in TARGETS.items():
        np.save(tmp_path / name, array)
    np.savez(tmp_path / "ab.npz", a=np.ones((4, 2)), b=np.ones((3, 2)))
    np.savez(tmp_path / "dense.npz", dense=np.ones((4, 1)))
    np.savez(tmp_path / "more.npz", dense=np.ones((4, 1)), dense_1=np.ones((4, 2)), x=np.ones(4))
    (tmp_path / "torn.npz").write_bytes((tmp_path / "ab.npz").read_bytes()[:300])
    return lambda arguments, *more: run("fit", *arguments.split(" "), *more, "-o", "w.npz")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        # inputs and targets
        ("x.npy nothing.npy -l Conv2D(1,3)", "nothing.npy: no such file or directory"),
        ("x.npy unread.json -l Conv2D(1,3)", "unread.json: line 1, column 6: Expecting ',' delimiter (valid JSON)"),
        ("x.npy x.npy -l Conv2D(1,3)", "x.npy: shape (4, 6, 6, 1) ((4, 4, 4, 1) for mse here)"),
        ("x.npy few.npy -l Conv2D(1,3)", "few.npy: shape (3, 4, 4, 1) ((4, 4, 4, 1) for mse here)"),
        ("nan.npy y.npy -l Conv2D(1,3)", "nan.npy: holds NaN or infinity (finite numbers to learn from)"),
        ("x.npy nan.npy -l Conv2D(1,1)", "nan.npy: holds NaN or infinity (finite numbers)"),
        ("x.npy far.npy -l Conv2D(1,3)", "far.npy: holds 1e+60, too large for float32 (--dtype float64)"),
        (f"x.npy classes.npy {CLASSES}", "classes.npy: holds 5 (classes are whole numbers from 0 to 2)"),
        (
            f"x.npy classes.npy {CLASSES} --loss categorical_crossentropy",
            "classes.npy: shape (4,) ((4, 3) for categorical_crossentropy here)",
        ),
        (
            "x.npy y.npy -l Conv2D(1,3) --loss binary_crossentropy",
            "--layer: layer conv2d: binary_crossentropy takes probabilities, and this output has no activation "
            "(activation: sigmoid)",
        ),
        (
            "ab.npz flat.npy two.yaml",
            "batches of different sizes: {'a': 4, 'b': 3} (as many samples of each input)",
        ),
        ("flat.npy flat.npy outputs.yaml", "flat.npy: holds a single array without a name (an .npz file)"),
        (
            "flat.npy dense.npz outputs.yaml",
            "dense.npz: dense_1: is missing (a target for each of dense, dense_1)",
        ),
        (
            "flat.npy more.npz outputs.yaml",
            "target x: the model has no such output (a target for each of dense, dense_1)",
        ),
        # layers
        (
            "x.npy y.npy -l Conv2D(1,3) --freeze con2d",
            "--layer: freeze con2d: no such layer with weights (did you mean conv2d?)",
        ),
        (
            "x.npy y.npy -l MaxPooling2D(3,1) --freeze a",
            "--layer: freeze a: no such layer with weights (the model has none)",
        ),
        (
            "x.npy y.npy -l MaxPooling2D(3,1)",
            "--layer: nothing to learn: no layer has weights that may change (a layer that is not frozen)",
        ),
        (
            "x.npy y.npy -l Conv2D(1,3) --freeze conv2d",
            "--layer: nothing to learn: no layer has weights that may change (a layer that is not frozen)",
        ),
        # filters to compare with
        (
            "x.npy y.npy -l Conv2D(1,3) --compare-with bmp",
            "--compare-with: 'bmp' is neither a file nor a filter of the bank (did you mean bump?)",
        ),
        (
            "x.npy y.npy -l Conv2D(1,3) --compare-with gaussian",
            "--compare-with: gaussian is 5×5: no layer learns filters of that size that see one channel",
        ),
        (
            "x.npy y.npy -l Conv2D(1,3) -l Conv2D(1,1) --freeze conv2d --compare-with sobel-x",
            "--compare-with: sobel-x is 3×3: no layer learns filters of that size that see one channel",
        ),
        # samples
        (
            "x.npy y.npy -l Conv2D(1,3) --validation-split 0.9",
            "validation_split 0.9 of 4 samples: 0 to learn from and 4 for validation (at least one of each)",
        ),
        ("x.npy y.npy -l Conv2D(1,3) --learning-rate nan", "learning_rate nan (a number above 0)"),
        # files
        ("x.npy y.npy -l Conv2D(1,3) --resume far.npy", "far.npy: holds a single array without a name (an .npz file)"),
        (
            "x.npy y.npy -l Conv2D(1,3) --resume ab.npz",
            "ab.npz: is not a checkpoint (a file that fit --checkpoint wrote)",
        ),
        ("x.npy y.npy -l Conv2D(1,3) --resume torn.npz", "torn.npz: broken NPZ archive: File is not a zip file"),
        ("x.npy y.npy -l Conv2D(1,3) --resume no.npz", "no.npz: no such file or directory"),
        ("x.npy y.npy -l Conv2D(1,3) --checkpoint no/c.npz", "no/c.npz: no such file or directory"),
        ("x.npy y.npy -l Conv2D(1,3) --plot no/c.html", "no/c.html: no such file or directory"),
        ("x.npy y.npy -l Conv2D(1,3) --checkpoint .", ".: is a directory (a file)"),
    ],
)
def test_learning(learn, tmp_path, arguments, message):
    assert learn(arguments) == (1, f"Error: {message}\n")
    assert not (tmp_path / "w.npz").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("x.npy -l Conv2D(1,3)", "INPUT TARGET [MODEL] are needed"),
        ("x.npy y.npy", "MODEL is missing (a file, or layers with -l 'Conv2D(1, 3)')"),
        ("- - -l Conv2D(1,3)", "only one argument can be - (standard input)"),
        ("x.npy y.npy -l Conv2D(1,3) --momentum 0.5", "--momentum is for sgd and rmsprop; adam has its own"),
        (
            "x.npy y.npy -l Conv2D(1,3) --resume c.npz --weights v.npz",
            "--resume goes on with the checkpoint's weights (without --weights)",
        ),
        (
            "x.npy y.npy -l Conv2D(1,3) --plot c.svg",
            "--plot c.svg: a name that ends in .png, .html, .htm",
        ),
        (
            "x.npy y.npy -l Conv2D(1,3) --checkpoint ./w.npz",
            "-o w.npz would replace the checkpoint (another file)",
        ),
        (
            "x.npy y.npy -l Conv2D(1,3) --resume w.npz",
            "-o w.npz would replace the checkpoint (another file)",
        ),
        (
            "x.npy y.npy -l Conv2D(1,3) -o w.npy",
            "Invalid value for '-o' / '--output': 'w.npy' (weights are written to a file that ends in .npz)",
        ),
    ],
)
def test_usage_of_learning(run, learn, arguments, message):
    code, said = run("fit", *arguments.split(" ")) if "-o" in arguments else learn(arguments)
    assert (code, said.splitlines()[-1]) == (2, f"Error: {message}")


def test_a_checkpoint_of_another_run(learn):
    problem = "x.npy y.npy -l Conv2D(1,3) --epochs 1"
    assert learn(f"{problem} --checkpoint run.npz")[0] == 0
    other = f"{problem} --resume run.npz"
    assert learn(f"{other} --seed 1") == (1, "Error: run.npz: made with seed 0, not 1 (the same, or leave it out)\n")
    assert learn(other.replace("y.npy", "few.npy"))[0] == 1
    assert learn(other.replace("Conv2D(1,3)", "Conv2D(1,3,activation='relu')")) == (
        1,
        "Error: run.npz: made with another model (the same as before)\n",
    )
    assert learn(other.replace("x.npy", "nan.npy").replace("--epochs", "--scale 2 --epochs"))[0] == 1
    assert learn(f"{other} --scale 2") == (
        1,
        "Error: run.npz: made with other data (the same as before)\n",
    )


def test_sizes_between_those_that_fit(run):
    model = "- MaxPooling1D(2)\n- UpSampling1D(2)\n- Add(inputs=['input', 'up_sampling1d'])"
    code, said = run("shape", "-", "-i", "9x1", stdin=model)
    assert (code, said) == (
        1,
        "Error: standard input: layer add: shapes (9, 1) and (8, 1) do not broadcast "
        "(extents must be equal, or 1; input sizes that fit: length: multiples of 2 (2, 4, 6, …))\n",
    )


def test_a_message_is_one_line_whatever_it_quotes(run):
    assert run("shape", "\n\x1b[31m\u2028") == (1, "Error: \\n\\x1b[31m\\u2028: no such file or directory\n")
    code, said = run("solve", "--input", "\n", "--output", "1")
    assert (code, said.splitlines()[-1][:27]) == (2, "Error: --input \\n: extent '")


def test_a_long_message_is_cut_in_its_middle(run):
    code, said = run("shape", "x" * 100_000)
    assert (code, len(said)) == (1, len("Error: ") + 1000 + len(" … ") + 1)
    assert said.endswith("x: file name too long\n")


def test_an_unknown_name_is_quoted_in_part(run):
    code, said = run("filters", "bmup" + "x" * 100_000)
    name = "'bmup" + "x" * 52 + "..."
    assert (code, said) == (1, f"Error: {name} is not a filter of the bank (convcli filters lists them)\n")
