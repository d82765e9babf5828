"""README and manual are true: each of their blocks runs, every command, option, layer and sample is in them."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import click
import manual_tables
import numpy as np
import pytest
import screens
from conftest import ROOT, SAMPLES
from PIL import Image

import convcli
from convcli import manual
from convcli.cli import COMMANDS, main
from convcli.engine.algorithms.table import ALGORITHMS
from convcli.io import arrays, yaml_json
from convcli.model.filter_bank import FILTERS
from convcli.model.layers import LAYERS
from convcli.output.render.formats import FORMATS
from convcli.readers import validate

README = (ROOT / "README.md").read_text()
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
PAGES = {topic: manual.source(topic) for topic in manual.TOPICS}
MANUAL = "".join(PAGES.values())
OTHERS = (".github/SECURITY.md", ".github/CONTRIBUTING.md", "tests/benchmarks/README.md")
# Every text that people read, by its path.
TEXTS = {
    "README.md": README,
    **{f"convcli/manual/{topic}.md": page for topic, page in PAGES.items()},
    **{name: (ROOT / name).read_text() for name in OTHERS},
}


def blocks(language: str, text: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[str, str]]:
    """Return each command of README and manual with what it is said to print, once."""
    examples = {}
    for text in TEXTS.values():
        for block in blocks("console", text):
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                assert examples.setdefault(command, output.rstrip("\n")) == output.rstrip("\n"), command
    return list(examples.items())


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH on which `convcli` is the program under test."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "convcli"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m convcli "$@"\n')
    program.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.mark.parametrize(("command", "output"), commands(), ids=[command for command, _ in commands()])
def test_a_command_prints_what_the_manual_says(command, output, path):
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "20", "TERM": "dumb"},
        check=False,
        timeout=120,
    )
    assert done.stdout.decode().rstrip("\n") == output


def test_every_kind_of_block_is_tested():
    assert {language for text in TEXTS.values() for language in re.findall(r"^```(\w+)$", text, re.MULTILINE)} == {
        "console",
        "sh",
        "python",
        "yaml",
    }
    assert len(blocks("sh", README)) == 1  # the two lines that install, which CI runs
    assert not blocks("sh", MANUAL)


@pytest.mark.parametrize("name", [name for name, text in TEXTS.items() if blocks("python", text)])
def test_the_library_does_what_a_page_says(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    test = doctest.DocTestParser().get_doctest("".join(blocks("python", TEXTS[name])), {}, name, None, None)
    runner = doctest.DocTestRunner()
    runner.run(test)
    assert runner.failures == 0
    assert runner.tries > 5


@pytest.mark.parametrize("block", blocks("yaml", README + MANUAL))
def test_a_model_file_in_the_manual_is_one(block):
    model = validate.build_model(yaml_json.parse(block), "", "manual")
    assert convcli.summarize(model)["output_shape"] == [None, 10]


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 200


@pytest.mark.parametrize("topic", manual.TOPICS)
def test_the_readme_links_to_every_page_by_its_title(topic):
    title = PAGES[topic].partition("\n")[0].removeprefix("# ")
    assert f"[{title}](convcli/manual/{topic}.md)" in README


def anchors(text: str) -> set[str]:
    """Return the fragments by which GitHub links to the headings of a text."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-").lower() for title in titles}


@pytest.mark.parametrize("name", TEXTS)
def test_links_resolve(name):
    text = re.sub(r"^```.*?^```", "", TEXTS[name], flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", text))
    for target, _, anchor in (link.partition("#") for link in links if not link.startswith("https://")):
        linked = (ROOT / name).parent / target
        assert linked.is_file(), target
        assert not anchor or anchor in anchors(linked.read_text()), anchor


@pytest.mark.parametrize("name", OTHERS)
def test_paths_and_names_in_the_code_exist(name):
    paths = re.findall(r"`(?:python )?((?:convcli|tests|samples)/[\w./-]*)[ `]", TEXTS[name])
    assert paths
    assert [path for path in paths if not (ROOT / path).exists() and "NAME" not in path] == []
    for word, path in re.findall(r"`(\w+)` in `(convcli/[\w/.]+)`", TEXTS[name]):
        assert re.search(rf"^(def |#define )?{word}\b", (ROOT / path).read_text(), re.MULTILINE), f"{word} in {path}"


def test_tables_of_the_manual_hold_what_the_registries_hold():
    assert not manual_tables.outdated(), "python tests/tools/manual_tables.py --write"
    assert set(re.findall(r"<!-- table: (.+?) -->", MANUAL)) == set(manual_tables.TABLES)


def test_an_outdated_table_is_found():
    page = PAGES["layer-types"]
    assert manual_tables.filled(page) == page
    assert manual_tables.filled(page.replace("strides=1", "strides=2")) == page


@pytest.mark.parametrize("layer", sorted({layer.keras_name() for layer in LAYERS.values()}))
def test_every_layer_is_in_the_manual(layer):
    assert f"`{layer}`" in PAGES["layer-types"]


@pytest.mark.parametrize(
    ("topic", "name"),
    [
        *(("formats", name) for name in FORMATS),
        *(("algorithms", name) for name in ALGORITHMS),
        *(("filter-bank", name) for name in FILTERS),
        *(("python", name) for name in convcli.__all__ if name != "__version__"),
    ],
)
def test_every_format_algorithm_filter_and_public_name_is_on_its_page(topic, name):
    assert f"`{name}`" in PAGES[topic]


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "help"])
def test_every_command_has_an_example_in_the_manual(name):
    assert re.search(rf"^\$ convcli {name}\b", MANUAL, re.MULTILINE)


@pytest.mark.parametrize(
    "option",
    sorted(
        {
            option.opts[-1]
            for command in (main.get_command(click.Context(main), name) for name in COMMANDS)
            for option in command.params
            if "-" in option.opts[0]
        }
    ),
)
def test_every_option_is_in_the_manual(option):
    assert re.search(rf"[` ]{option}[` ]", PAGES["options"])


@pytest.mark.parametrize("name", COMMANDS)
def test_help_begins_with_two_examples_that_run(name, convcli):
    text = convcli(name, "--help").stdout
    assert re.match(r"Usage: .*\n(?: {2,}.*\n)*\n  Examples:\n    convcli ", text)
    examples = re.findall(r"^ *convcli (.*)$", text.split("Examples:")[1], re.MULTILINE)
    assert len(examples) == 2
    for example in examples:
        words = subprocess.run(
            ["bash", "-c", f"printf '%s\\0' {example}"], capture_output=True, text=True, check=True, timeout=120
        ).stdout.split("\0")[:-1]
        assert convcli(*words).exit_code in ((0, 1) if name == "diff" else (0,))  # 1: the two differ


ARRAYS = {
    "bump.yaml": (8,),
    "lines.yaml": (8, 8),
    "colours.yaml": (4, 4, 3),
    "house.png": (64, 96, 3),
    "bumps.npy": (128, 16, 1),
    "bump-maps.npy": (128, 14, 1),
    "line-images.npy": (512, 8, 8, 1),
    "line-maps.npy": (512, 6, 6, 1),
}


@pytest.mark.parametrize("sample", sorted(filter(Path.is_file, SAMPLES.iterdir())), ids=lambda path: path.name)
def test_every_sample_loads_and_says_what_it_is(sample):
    assert sample.suffix in (".json", ".png", ".npy", ".npz") or sample.read_text().startswith("# ")
    if sample.suffix == ".npz":
        shapes = {key: array.shape for key, array in arrays.load_named(str(sample)).items()}
        assert shapes == {"images": (1797, 8, 8, 1), "classes": (1797,)}
    elif sample.name in ARRAYS:
        assert arrays.load(str(sample)).shape == ARRAYS[sample.name]
    else:
        assert convcli.load(sample).nodes


@pytest.mark.parametrize("name", screens.SCREENS)
def test_a_screen_shows_what_its_command_prints(name):
    assert f"![What {screens.SCREENS[name]} shows](../../samples/screens/{name}.svg)" in MANUAL
    drawing = ElementTree.parse(screens.FOLDER / f"{name}.svg").getroot()
    texts = ["".join(each.itertext()) for each in drawing.iter("{http://www.w3.org/2000/svg}text")]
    shown, printed = (
        re.sub(r"\s", "", each) for each in ("".join(texts), screens.run_in_colour(screens.SCREENS[name]))
    )
    title = re.sub(r"\s", "", f"$ {screens.SCREENS[name]}")
    assert shown == title + re.sub(r"\x1b\[[\d;]*m", "", printed)


def test_the_animation_is_what_its_command_makes(tmp_path):
    assert f"`{screens.WALK} walk.gif`" in README
    screens.run_in_colour(f"{screens.WALK} {tmp_path / 'walk.gif'}")
    shown = []
    for path in (screens.FOLDER / "walk.gif", tmp_path / "walk.gif"):
        with Image.open(path) as walk:
            walk.seek(walk.n_frames - 1)
            last = np.asarray(walk.convert("RGB")).astype(int)
            shown.append((walk.n_frames, last.shape, last[:: last.shape[0] // 20, :: last.shape[1] // 20]))
    assert shown[0][:2] == shown[1][:2]
    assert np.mean(shown[0][2] != shown[1][2]) < 0.05  # but for how another version of Pillow draws letters


def test_the_version_is_in_the_changelog():
    assert f"## {convcli.__version__}" in CHANGELOG
