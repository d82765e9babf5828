"""The graph as a tree of rails, for Graphviz and for Mermaid: each is read back and compared with the JSON."""

from __future__ import annotations

import gzip
import html
import json
import re
from functools import cache

import pytest
from conftest import ROOT, SAMPLES

import convcli as library
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
MODELS = {
    **{path.name: path for path in sorted(SAMPLES.glob("*.yaml")) if "\ninput:" in path.read_text()},
    "residual.json": SAMPLES / "residual.json",
    **{f"{name}_3.json": REFERENCE / "models" / f"{name}_3.json" for name in ("pictures", "sequence", "siamese")},
    **{name: REFERENCE / "networks" / f"{name}.json.gz" for name in ("DenseNet121", "NASNetMobile", "InceptionV3")},
    "odd": ODD,
    "twice": {"input": [4, 1], "layers": ["relu", {"add": {"inputs": ["re_lu", "re_lu"]}}, "tanh"]},
    "inception": INCEPTION,
}


def test_a_value_that_a_layer_takes_twice_stays_on_its_rail():
    drawn = rendered("tree", report("twice")).splitlines()
    assert [line[:2] for line in drawn[1:]] == ["○ ", "│ ", "● ", "│ ", "│ ", "● ", "│ ", "● ", "╰→"]


@cache
def report(name):
    source = MODELS[name]
    if str(source).endswith(".gz"):
        source = json.loads(gzip.decompress(source.read_bytes()))
    model = library.load(source)
    return ShapeReport(library.summarize(model), inputs=tuple(model.inputs), outputs=model.outputs)


def rendered(form, answer, look=PLAIN):
    return FORMATS[form].render(answer, look).decode()


def expected(answer):
    """What the JSON says: what each layer takes in order, with the shapes, and the shape of each output."""
    shapes = answer.summary["input_shape"]
    shapes = dict(shapes) if isinstance(shapes, dict) else {answer.inputs[0]: shapes}
    shapes |= {row["name"]: row["output_shape"] for row in answer.summary["layers"]}
    shapes = {name: format_shape(shape) for name, shape in shapes.items()}
    taken = {name: [] for name in answer.inputs}
    for row in answer.summary["layers"]:
        taken[row["name"]] = [(each, shapes.get(each)) for each in row["inputs"]]
    return taken, {name: shapes[name] for name in answer.outputs}


def title(answer, name):
    rows = {row["name"]: row for row in answer.summary["layers"]}
    return f"{name} ({rows[name]['type']})" if name in rows else name


# ---- tree ----

SIGNS = re.compile(r"(?:[│├┤╭╮╰╯╷─ ][─→ ])*(?:[●○] (?:[│ ] )*| (?=output |unused ))?")


def followed(text, answer):
    """What the rails of a tree say, by following them: the same as `expected`, and the values that nothing takes."""
    titles = {title(answer, name): name for name in expected(answer)[0]}
    rails, edges = {}, []  # what each rail carries; the lines of edges since the last node
    taken, outputs, unused = {}, {}, {}
    for line in text.splitlines()[1:]:
        signs = SIGNS.match(line).group()
        said = line[len(signs) :]
        cells = {place: sign for place, sign in enumerate(signs[::2]) if sign not in " ─"}
        assert set(cells) == {*rails, *(place for place, sign in cells.items() if sign in "●○╭╮╷")}
        ends = [place for place, sign in cells.items() if sign in "├┤╭╮╰╯"]
        if "●" in signs or "○" in signs:
            (node,) = (place for place, sign in cells.items() if sign in "●○")
            name = titles[re.sub(r", (unknown|[\d,]+) params?$", "", said)]
            assert (cells[node] == "○") == (name in answer.inputs)
            taken[name] = [origin(*edge, node) for edge in edges]
            edges, rails[node] = [], name
        elif len(ends) == 1:
            what, shape = said.split(" ", 1)
            {"output": outputs, "unused": unused}[what][rails[ends[0]]] = shape
        else:
            edges.append((ends, dict(rails), said))
        rails |= {place: None for place, sign in cells.items() if sign in "╭╮╷"}
        rails = {place: name for place, name in rails.items() if cells[place] not in "╰╯"}
    assert (rails, edges) == ({}, [])
    return taken, outputs, unused


def origin(ends, rails, said, node):
    """Where the line of an edge comes from that leads to the layer on the rail `node`, and the shape."""
    if re.fullmatch(r"-?[\d.]+", said):
        return float(said), None
    (place,) = set(ends) - {node} or {node}
    return rails[place], said.removeprefix(f"{rails[place]} ")


@pytest.mark.parametrize("name", MODELS)
def test_the_rails_lead_where_the_json_says(name):
    answer = report(name)
    taken, outputs, unused = followed(rendered("tree", answer), answer)
    assert (taken, outputs) == expected(answer)
    assert set(unused) == set(taken) - {each for edges in taken.values() for each, _ in edges} - set(outputs)


def test_a_rail_that_leads_elsewhere_is_found():
    answer = report("unet.yaml")
    text = rendered("tree", answer)
    wrong = text.replace("├─╯ up1", "│ │ up1").replace("├─│─╮", "│ ├─╮")
    with pytest.raises((AssertionError, KeyError, ValueError)):
        assert followed(wrong, answer)[:2] == expected(answer)


def test_a_chain_is_one_rail():
    lines = rendered("tree", report("vgg16.yaml")).splitlines()
    assert {line[:2] for line in lines[1:]} == {"○ ", "│ ", "● ", "╰→"}
    assert len(lines) == 2 + 2 * (len(report("vgg16.yaml").summary["layers"]) + 1) - 1


def test_branches_are_drawn_side_by_side():
    assert (
        rendered("tree", report("inception"))
        == """\
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
    )


def test_colour_changes_no_character_of_a_tree_and_no_width_folds_it():
    answer = report("odd")
    coloured = rendered("tree", answer, TextStyle(colour=True, width=20))
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == rendered("tree", answer)


# ---- dot and mermaid ----

SHAPES = {None: "layer", "ellipse": "end", "plaintext": "number", "[": "layer", "([": "end", "((": "number"}


def read_dot(text):
    """Nodes by key with their kind and label, and edges with theirs."""
    label = r'label="((?:[^"\\]|\\.)*)"'
    nodes, edges = {}, []
    first, *lines, last = text.splitlines()
    assert (first, lines[1], last) == ("digraph {", "  node [shape=box];", "}")
    assert re.fullmatch(rf"  {label}; labelloc=t;", lines[0])
    for line in lines[2:]:
        if found := re.fullmatch(rf"  (n\d+) \[{label}(?:, shape=(\w+))?\];", line):
            nodes[found[1]] = (SHAPES[found[3]], in_dot(found[2]))
        else:
            source, target, text = re.fullmatch(rf"  (n\d+) -> (n\d+) \[{label}\];", line).groups()
            edges.append((source, target, in_dot(text)))
    return nodes, edges


def in_dot(label):
    return html.unescape(re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], label))


def read_mermaid(text):
    nodes, edges = {}, []
    first, *lines = text.splitlines()
    assert first == "flowchart TD"
    for line in lines:
        if found := re.fullmatch(r'  (n\d+)(\[|\(\[|\(\()"([^"]*)"(?:\]|\]\)|\)\))', line):
            nodes[found[1]] = (SHAPES[found[2]], in_mermaid(found[3]))
        else:
            source, text, target = re.fullmatch(r'  (n\d+) -->\|"([^"]*)"\| (n\d+)', line).groups()
            edges.append((source, target, in_mermaid(text)))
    return nodes, edges


def in_mermaid(label):
    assert re.fullmatch(r"(?:[\w (),:]|#\d+;|<br>)+", label)
    label = re.sub(r"#(\d+);", lambda found: chr(int(found[1])), label.replace("<br>", "\n"))
    return label.replace("\u200b", "")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("form", "read"), [("dot", read_dot), ("mermaid", read_mermaid)])
def test_a_diagram_has_the_nodes_and_edges_of_the_json(form, read, name):
    answer = report(name)
    nodes, edges = read(rendered(form, answer))
    titles = {title(answer, each): each for each in expected(answer)[0]}
    sinks = {target for _, target, _ in edges if nodes[target] == ("end", "output")}
    names = {
        key: titles[label.partition("\n")[0]]
        for key, (kind, label) in nodes.items()
        if kind != "number" and key not in sinks
    }
    assert sorted(names.values()) == sorted(titles.values())
    assert {name for key, name in names.items() if nodes[key][0] == "end"} == set(answer.inputs)
    taken = {each: [] for each in names.values()}
    outputs = {}
    for start, target, label in edges:
        if target in sinks:
            outputs[names[start]] = label
            continue
        edge = (names[start], label) if start in names else (float(nodes[start][1]), label)
        taken[names[target]].append(edge)
    wanted, wanted_outputs = expected(answer)
    assert taken == {
        each: [(start, order(shape, place, into)) for place, (start, shape) in enumerate(into, 1)]
        for each, into in wanted.items()
    }
    assert outputs == wanted_outputs
    counts = {row["name"]: row["params"] for row in answer.summary["layers"]}
    for key, each in names.items():
        said = nodes[key][1].partition("\n")[2]
        assert said == (f"{counts[each]:,} param{'s' * (counts[each] != 1)}" if counts.get(each) else "")


def order(shape, place, into):
    """The label of an edge: of one among several its place too, of a number that alone."""
    return shape if len(into) == 1 else f"{place}: {shape}" if shape else f"{place}"


# ---- options ----


def test_drawings_are_in_the_data_format_asked_for_with_the_batch_and_unknown_extents(convcli):
    layers = ("-l", "Conv2D(8, 3)", "-l", "Flatten()", "-l", "Dense(2)")
    asked = ("-i", "3x?x9", "--data-format", "channels_first", "--batch", 5)
    for form in ("tree", "dot", "mermaid"):
        text = convcli("shape", *layers, *asked, "-f", form).stdout
        for said in ("(5, 3, None, 9)", "(5, 8, None, 7)", "(5, None)", "(5, 2)", "224 params", "unknown params"):
            assert said in text


@pytest.mark.parametrize(
    ("suffix", "form"), [("dot", "dot"), ("gv", "dot"), ("mmd", "mermaid"), ("mermaid", "mermaid")]
)
def test_a_file_s_suffix_asks_for_a_diagram(convcli, tmp_path, suffix, form):
    file = tmp_path / f"graph.{suffix}"
    assert convcli("shape", "samples/unet.yaml", "-o", file).exit_code == 0
    assert file.read_text() == convcli("shape", "samples/unet.yaml", "-f", form).stdout


@pytest.mark.parametrize("form", ["tree", "dot", "mermaid"])
@pytest.mark.parametrize("option", ["--explain", "--at 1,1", "--count macs", "--dtype float32"])
def test_what_a_drawing_does_not_show_is_refused(convcli, form, option):
    result = convcli("shape", "samples/unet.yaml", "-f", form, *option.split())
    assert (result.exit_code, result.stdout) == (2, "")
    named = option.split()[0]
    assert result.stderr.splitlines()[-1] == f"Error: {named} is not shown in {form} (-f table, json, yaml or csv)"


def test_claims_are_judged_beside_a_drawing(convcli):
    result = convcli("shape", "samples/unet.yaml", "-f", "tree", "--expect", "params < 5")
    assert result.exit_code == 1
    assert result.stdout == convcli("shape", "samples/unet.yaml", "-f", "tree").stdout
    assert result.stderr == "Error: samples/unet.yaml: params < 5 does not hold: params is 14274\n"


def test_a_tree_is_drawn_with_plain_characters_where_the_encoding_has_no_others():
    from convcli.cli.terminal import PLAINER

    for name in ("inception", "all-lines.yaml"):
        assert rendered("tree", report(name)).translate(PLAINER).isascii()
    assert {"●", "○", "╷"} <= {chr(each) for each in PLAINER}
