"""The graph as a tree of rails, for Graphviz and for Mermaid: each drawing is read back and compared with the JSON."""

from __future__ import annotations

import gzip
import html
import json
import re
from functools import cache

import pytest
from conftest import ROOT, SAMPLES

import convcli as library
from convcli.cli.terminal import PLAINER
from convcli.core.shapes import format_shape
from convcli.output.render.formats import FORMATS, PLAIN, TextStyle
from convcli.output.report.shape import ShapeReport

REFERENCE = ROOT / "tests" / "reference"
ODD = {
    "name": 'odd "names" <b>\\n &amp; #1\\',
    "input": {"left": [8, 4], 'ri"ght\\': [8, 4], "spare": [3]},
    "outputs": ["end; --> x", "c"],
    "layers": [
        {"dense": {"name": 'a "q" \\n <b>&lt; `m`', "units": 4, "inputs": "left"}},
        {"dense": {"name": "1. list", "units": 4, "inputs": 'ri"ght\\'}},
        {"add": {"name": "c", "inputs": ['a "q" \\n <b>&lt; `m`', "1. list", 3.0, "1. list"]}},
        {"subtract": {"name": "[x](y) #35; é", "inputs": ["left", "left"]}},
        {"add": {"name": "number first", "inputs": [-2.5, "c"]}},
        {"multiply": {"name": "- dash *b* _i_ $$x$$", "inputs": ["c", "number first"]}},
        {"relu": {"name": "end; --> x"}},
        {"relu": {"name": "fa:fa-car | %%{init}%%", "inputs": "c"}},
    ],
}
INCEPTION = {
    "input": [28, 28, 192],
    "layers": [
        {"conv2d": {"name": "one", "filters": 64, "kernel_size": 1, "inputs": "input"}},
        {"conv2d": {"name": "three_reduce", "filters": 96, "kernel_size": 1, "inputs": "input"}},
        {"conv2d": {"name": "three", "filters": 128, "kernel_size": 3, "padding": "same"}},
        {"conv2d": {"name": "five_reduce", "filters": 16, "kernel_size": 1, "inputs": "input"}},
        {"conv2d": {"name": "five", "filters": 32, "kernel_size": 5, "padding": "same"}},
        {"max_pooling2d": {"name": "pool", "pool_size": 3, "strides": 1, "padding": "same", "inputs": "input"}},
        {"conv2d": {"name": "pool_project", "filters": 32, "kernel_size": 1}},
        {"concatenate": {"inputs": ["one", "three", "five", "pool_project"]}},
    ],
}
INCEPTION_TREE = """\
model: (None, 28, 28, 192) → (None, 28, 28, 256)
○ input
├─╮ (None, 28, 28, 192)
│ ● one (Conv2D), 12,352 params
├─│─╮ input (None, 28, 28, 192)
│ │ ● three_reduce (Conv2D), 18,528 params
│ │ │ (None, 28, 28, 96)
│ │ ● three (Conv2D), 110,720 params
├─│─│─╮ input (None, 28, 28, 192)
│ │ │ ● five_reduce (Conv2D), 3,088 params
│ │ │ │ (None, 28, 28, 16)
│ │ │ ● five (Conv2D), 12,832 params
│ │ │ │ input (None, 28, 28, 192)
● │ │ │ pool (MaxPooling2D)
│ │ │ │ pool (None, 28, 28, 192)
● │ │ │ pool_project (Conv2D), 6,176 params
├─╯ │ │ one (None, 28, 28, 64)
├───╯ │ three (None, 28, 28, 128)
├─────╯ five (None, 28, 28, 32)
│ pool_project (None, 28, 28, 32)
● concatenate (Concatenate)
╰→ output (None, 28, 28, 256)
"""
MODELS = {
    **{path.name: path for path in sorted(SAMPLES.glob("*.yaml")) if "\ninput:" in path.read_text()},
    "residual.json": SAMPLES / "residual.json",
    **{f"{name}_3.json": REFERENCE / "models" / f"{name}_3.json" for name in ("pictures", "sequence", "siamese")},
    **{name: REFERENCE / "networks" / f"{name}.json.gz" for name in ("DenseNet121", "NASNetMobile", "InceptionV3")},
    "odd": ODD,
    "twice": {"input": [4, 1], "layers": ["relu", {"add": {"inputs": ["re_lu", "re_lu"]}}, "tanh"]},
    "inception": INCEPTION,
}


@cache
def report(name):
    source = MODELS[name]
    if str(source).endswith(".gz"):
        source = json.loads(gzip.decompress(source.read_bytes()))
    model = library.load(source)
    return ShapeReport(library.summarize(model), inputs=tuple(model.inputs), outputs=model.outputs)


def rendered(format_name, shape_report, style=PLAIN):
    return FORMATS[format_name].render(shape_report, style).decode()


def expected_graph(shape_report):
    """Return what the JSON says: each layer's inputs in order, with their shapes, and the shape of each output."""
    summary = shape_report.summary
    shapes = summary["input_shape"]
    shapes = dict(shapes) if isinstance(shapes, dict) else {shape_report.inputs[0]: shapes}
    shapes |= {layer["name"]: layer["output_shape"] for layer in summary["layers"]}
    shapes = {name: format_shape(shape) for name, shape in shapes.items()}
    inputs = {name: [] for name in shape_report.inputs}
    for layer in summary["layers"]:
        inputs[layer["name"]] = [(operand, shapes.get(operand)) for operand in layer["inputs"]]
    return inputs, {name: shapes[name] for name in shape_report.outputs}


def title(shape_report, name):
    types = {layer["name"]: layer["type"] for layer in shape_report.summary["layers"]}
    return f"{name} ({types[name]})" if name in types else name


# ---- tree ----

SIGNS = re.compile(r"(?:[│├┤╭╮╰╯╷─ ][─→ ])*(?:[●○] (?:[│ ] )*| (?=output |unused ))?")


def read_tree(text, shape_report):
    """Follow the rails of a tree; return what `expected_graph` returns, and the shapes of unused values by name."""
    names = {title(shape_report, name): name for name in expected_graph(shape_report)[0]}
    rails, edges = {}, []  # the value on each rail; the lines of inputs since the last node
    inputs, outputs, unused = {}, {}, {}
    for line in text.splitlines()[1:]:
        signs = SIGNS.match(line).group()
        label = line[len(signs) :]
        cells = {rail: sign for rail, sign in enumerate(signs[::2]) if sign not in " ─"}
        assert set(cells) == {*rails, *(rail for rail, sign in cells.items() if sign in "●○╭╮╷")}
        ends = [rail for rail, sign in cells.items() if sign in "├┤╭╮╰╯"]
        if "●" in signs or "○" in signs:
            (node_rail,) = (rail for rail, sign in cells.items() if sign in "●○")
            name = names[re.sub(r", (unknown|[\d,]+) params?$", "", label)]
            assert (cells[node_rail] == "○") == (name in shape_report.inputs)
            inputs[name] = [edge_source(*edge, node_rail) for edge in edges]
            edges, rails[node_rail] = [], name
        elif len(ends) == 1:
            destination, shape = label.split(" ", 1)
            {"output": outputs, "unused": unused}[destination][rails[ends[0]]] = shape
        else:
            edges.append((ends, dict(rails), label))
        rails |= {rail: None for rail, sign in cells.items() if sign in "╭╮╷"}
        rails = {rail: name for rail, name in rails.items() if cells[rail] not in "╰╯"}
    assert (rails, edges) == ({}, [])
    return inputs, outputs, unused


def edge_source(ends, rails, label, node_rail):
    """Return where an input line to the node on a rail comes from, and the shape; a number has none."""
    if re.fullmatch(r"-?[\d.]+", label):
        return float(label), None
    (source,) = set(ends) - {node_rail} or {node_rail}
    return rails[source], label.removeprefix(f"{rails[source]} ")


@pytest.mark.parametrize("name", MODELS)
def test_the_rails_lead_where_the_json_says(name):
    shape_report = report(name)
    inputs, outputs, unused = read_tree(rendered("tree", shape_report), shape_report)
    assert (inputs, outputs) == expected_graph(shape_report)
    used = {operand for operands in inputs.values() for operand, _ in operands}
    assert set(unused) == set(inputs) - used - set(outputs)


def test_a_rail_that_leads_elsewhere_is_found():
    shape_report = report("unet.yaml")
    text = rendered("tree", shape_report)
    wrong = text.replace("├─╯ up1", "│ │ up1").replace("├─│─╮", "│ ├─╮")
    with pytest.raises((AssertionError, KeyError, ValueError)):
        assert read_tree(wrong, shape_report)[:2] == expected_graph(shape_report)


def test_a_chain_is_one_rail():
    lines = rendered("tree", report("vgg16.yaml")).splitlines()
    assert {line[:2] for line in lines[1:]} == {"○ ", "│ ", "● ", "╰→"}
    assert len(lines) == 2 + 2 * (len(report("vgg16.yaml").summary["layers"]) + 1) - 1


def test_a_value_that_a_layer_takes_twice_stays_on_its_rail():
    lines = rendered("tree", report("twice")).splitlines()
    assert [line[:2] for line in lines[1:]] == ["○ ", "│ ", "● ", "│ ", "│ ", "● ", "│ ", "● ", "╰→"]


def test_branches_are_drawn_side_by_side():
    assert rendered("tree", report("inception")) == INCEPTION_TREE


def test_colour_changes_no_character_of_a_tree_and_no_width_folds_it():
    shape_report = report("odd")
    coloured = rendered("tree", shape_report, TextStyle(colour=True, width=20))
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == rendered("tree", shape_report)


@pytest.mark.parametrize("name", ["inception", "all-lines.yaml"])
def test_a_tree_has_plain_characters_where_the_encoding_has_no_others(name):
    assert rendered("tree", report(name)).translate(PLAINER).isascii()


def test_every_sign_of_a_node_has_a_plain_character():
    assert {"●", "○", "╷"} <= {chr(code) for code in PLAINER}


# ---- dot and mermaid ----

KINDS = {None: "layer", "ellipse": "end", "plaintext": "number", "[": "layer", "([": "end", "((": "number"}


def read_dot(text):
    """Return the nodes by key, as (kind, label), and the edges as (source, target, label)."""
    quoted = r'label="((?:[^"\\]|\\.)*)"'
    nodes, edges = {}, []
    first, *lines, last = text.splitlines()
    assert (first, lines[1], last) == ("digraph {", "  node [shape=box];", "}")
    assert re.fullmatch(rf"  {quoted}; labelloc=t;", lines[0])
    for line in lines[2:]:
        if node := re.fullmatch(rf"  (n\d+) \[{quoted}(?:, shape=(\w+))?\];", line):
            nodes[node[1]] = (KINDS[node[3]], unescape_dot(node[2]))
        else:
            source, target, label = re.fullmatch(rf"  (n\d+) -> (n\d+) \[{quoted}\];", line).groups()
            edges.append((source, target, unescape_dot(label)))
    return nodes, edges


def unescape_dot(label):
    return html.unescape(re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], label))


def read_mermaid(text):
    """Return the nodes by key, as (kind, label), and the edges as (source, target, label)."""
    nodes, edges = {}, []
    first, *lines = text.splitlines()
    assert first == "flowchart TD"
    for line in lines:
        if node := re.fullmatch(r'  (n\d+)(\[|\(\[|\(\()"([^"]*)"(?:\]|\]\)|\)\))', line):
            nodes[node[1]] = (KINDS[node[2]], unescape_mermaid(node[3]))
        else:
            source, label, target = re.fullmatch(r'  (n\d+) -->\|"([^"]*)"\| (n\d+)', line).groups()
            edges.append((source, target, unescape_mermaid(label)))
    return nodes, edges


def unescape_mermaid(label):
    assert re.fullmatch(r"(?:[\w (),:]|#\d+;|<br>)+", label)
    label = re.sub(r"#(\d+);", lambda match: chr(int(match[1])), label.replace("<br>", "\n"))
    return label.replace("\u200b", "")


def diagram_graph(nodes, edges, names):
    """Return what a diagram says as `expected_graph` does, with the labels of edges in place of shapes."""
    sinks = {target for _, target, _ in edges if nodes[target] == ("end", "output")}
    inputs, outputs = {name: [] for name in names.values()}, {}
    for source, target, label in edges:
        if target in sinks:
            outputs[names[source]] = label
        else:
            inputs[names[target]].append((names[source] if source in names else float(nodes[source][1]), label))
    return inputs, outputs


def edge_label(shape, number, operands):
    """Return the label of the edge from an operand: its number if there are several, and its shape if it has one."""
    return shape if len(operands) == 1 else f"{number}: {shape}" if shape else f"{number}"


def node_names(nodes, edges, shape_report):
    """Return the names of the inputs and layers in a diagram by the keys of their nodes."""
    names = {title(shape_report, name): name for name in expected_graph(shape_report)[0]}
    sinks = {target for _, target, _ in edges if nodes[target] == ("end", "output")}
    return {
        key: names[label.partition("\n")[0]]
        for key, (kind, label) in nodes.items()
        if kind != "number" and key not in sinks
    }


DIAGRAMS = pytest.mark.parametrize(("format_name", "read"), [("dot", read_dot), ("mermaid", read_mermaid)])


@pytest.mark.filterwarnings("ignore:.* GitHub and Mermaid")
@pytest.mark.parametrize("name", MODELS)
@DIAGRAMS
def test_a_diagram_has_the_edges_of_the_json(format_name, read, name):
    shape_report = report(name)
    nodes, edges = read(rendered(format_name, shape_report))
    inputs, outputs = expected_graph(shape_report)
    labelled = {
        layer: [(source, edge_label(shape, number, operands)) for number, (source, shape) in enumerate(operands, 1)]
        for layer, operands in inputs.items()
    }
    assert diagram_graph(nodes, edges, node_names(nodes, edges, shape_report)) == (labelled, outputs)


@pytest.mark.filterwarnings("ignore:.* GitHub and Mermaid")
@pytest.mark.parametrize("name", MODELS)
@DIAGRAMS
def test_a_diagram_has_each_node_of_the_json_once_with_its_parameters(format_name, read, name):
    shape_report = report(name)
    nodes, edges = read(rendered(format_name, shape_report))
    names = node_names(nodes, edges, shape_report)
    assert sorted(names.values()) == sorted(expected_graph(shape_report)[0])
    assert {name for key, name in names.items() if nodes[key][0] == "end"} == set(shape_report.inputs)
    counts = {layer["name"]: layer["params"] for layer in shape_report.summary["layers"]}
    for key, name in names.items():
        count = counts.get(name)
        assert nodes[key][1].partition("\n")[2] == (f"{count:,} param{'s' * (count != 1)}" if count else "")


# ---- options ----


@pytest.mark.parametrize("format_name", ["tree", "dot", "mermaid"])
def test_drawings_have_the_requested_data_format_the_batch_size_and_unknown_extents(convcli, format_name):
    layers = ("-l", "Conv2D(8, 3)", "-l", "Flatten()", "-l", "Dense(2)")
    options = ("-i", "3x?x9", "--data-format", "channels_first", "--batch", 5)
    text = convcli("shape", *layers, *options, "-f", format_name).stdout
    for label in ("(5, 3, None, 9)", "(5, 8, None, 7)", "(5, None)", "(5, 2)", "224 params", "unknown params"):
        assert label in text


@pytest.mark.parametrize(
    ("suffix", "format_name"), [("dot", "dot"), ("gv", "dot"), ("mmd", "mermaid"), ("mermaid", "mermaid")]
)
def test_the_suffix_of_a_file_selects_a_diagram(convcli, tmp_path, suffix, format_name):
    file = tmp_path / f"graph.{suffix}"
    assert convcli("shape", "samples/unet.yaml", "-o", file).exit_code == 0
    assert file.read_text() == convcli("shape", "samples/unet.yaml", "-f", format_name).stdout


@pytest.mark.parametrize("format_name", ["tree", "dot", "mermaid"])
@pytest.mark.parametrize("option", ["--explain", "--at 1,1", "--count macs", "--dtype float32"])
def test_an_option_for_what_a_drawing_does_not_show_is_an_error(convcli, format_name, option):
    result = convcli("shape", "samples/unet.yaml", "-f", format_name, *option.split())
    assert (result.exit_code, result.stdout) == (2, "")
    message = f"{option.split()[0]} is not shown in {format_name} (-f table, json, yaml or csv)"
    assert result.stderr.splitlines()[-1] == f"Error: {message}"


def test_claims_are_judged_beside_a_drawing(convcli):
    result = convcli("shape", "samples/unet.yaml", "-f", "tree", "--expect", "params < 5")
    assert result.exit_code == 1
    assert result.stdout == convcli("shape", "samples/unet.yaml", "-f", "tree").stdout
    assert result.stderr == "Error: samples/unet.yaml: params < 5 does not hold: params is 14274\n"


# ---- the limits of Mermaid ----


@pytest.mark.parametrize(
    ("layers", "name", "warning"),
    [
        (498, "r", None),  # with the edges from the input and to the output there are 499
        (501, "r", "502 edges: GitHub and Mermaid by default draw at most 500 (-f dot or tree has no limit)"),
        (400, "a" * 100, "characters: GitHub and Mermaid by default draw at most 50,000 (-f dot or tree has no limit)"),
    ],
)
def test_a_flowchart_beyond_the_limits_of_github_is_drawn_with_a_warning(convcli, layers, name, warning, tmp_path):
    model = [{"re_lu": {"name": f"{name}{index}"}} for index in range(layers)]
    (tmp_path / "m.json").write_text(json.dumps({"input": [4], "layers": model}))
    done = convcli("shape", tmp_path / "m.json", "-f", "mermaid")
    assert done.exit_code == 0
    assert done.stdout.count("-->") == layers + 1
    lines = done.stderr.splitlines()
    assert [line.endswith(warning or "") for line in lines] == [True] * (warning is not None)
