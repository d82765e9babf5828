"""The README is true: each of its blocks runs, every command, option, layer and sample is in it."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import click
import numpy as np
import pytest
import screens
from conftest import ROOT, SAMPLES

import convcli
from convcli.cli import COMMANDS, main
from convcli.engine.algorithms import WAYS
from convcli.io import arrays, yaml_json
from convcli.model.filter_bank import FILTERS
from convcli.model.layers import LAYERS
from convcli.output.render import FORMATS
from convcli.readers import validate

README = (ROOT / "README.md").read_text()
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[str, str]]:
    """Each command of the README with what it is said to print."""
    found = []
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH on which `convcli` is the program under test."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "convcli"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m convcli "$@"\n')
    program.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.mark.parametrize(("command", "output"), commands(), ids=[command for command, _ in commands()])
def test_a_command_prints_what_the_readme_says(command, output, path):
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "20", "TERM": "dumb"},
        check=False,
    )
    assert done.stdout.decode().rstrip("\n") == output.rstrip("\n")


def test_every_kind_of_block_is_tested():
    assert set(re.findall(r"^```(\w+)$", README, re.MULTILINE)) == {"console", "sh", "python", "yaml"}
    assert len(blocks("sh")) == 1  # the two lines that install, which CI runs


def test_the_library_does_what_the_readme_says(monkeypatch):
    monkeypatch.chdir(ROOT)
    test = doctest.DocTestParser().get_doctest("".join(blocks("python")), {}, "README", None, None)
    runner = doctest.DocTestRunner()
    runner.run(test)
    assert runner.failures == 0
    assert runner.tries > 5


@pytest.mark.parametrize("block", blocks("yaml"))
def test_a_model_file_in_the_readme_is_one(block):
    model = validate.build(yaml_json.parse(block), "", "readme")
    assert convcli.summarize(model)["output_shape"] == [None, 10]


@pytest.mark.parametrize("layer", sorted({layer.keras_name() for layer in LAYERS.values()}))
def test_every_layer_is_in_the_readme(layer):
    assert f"`{layer}`" in README


@pytest.mark.parametrize(
    "name",
    [
        *(f"convcli {command}" for command in COMMANDS),
        *(f"`{form}`" for form in FORMATS),
        *(
            f"`{option.opts[-1]}`"
            for command in (main.get_command(click.Context(main), name) for name in COMMANDS)
            for option in command.params
            if "-" in option.opts[0]
        ),
        *(f"`{algorithm}`" for algorithm in WAYS),
        *(f"`{each}`" for each in FILTERS),
        *(f"`{name}`" for name in convcli.__all__ if name != "__version__"),
    ],
)
def test_every_command_option_format_and_filter_is_in_the_readme(name):
    assert name in README


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_two_examples_that_run(name, convcli):
    text = convcli(name, "--help").stdout
    examples = re.findall(r"^ *convcli (.*)$", text.split("Examples:")[1], re.MULTILINE)
    assert len(examples) == 2
    for example in examples:
        words = subprocess.run(
            ["bash", "-c", f"printf '%s\\0' {example}"], capture_output=True, text=True, check=True
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
    if sample.suffix == ".png":
        pytest.importorskip("PIL.Image")
    if sample.suffix == ".npz":
        shapes = {key: array.shape for key, array in arrays.load_all(str(sample)).items()}
        assert shapes == {"images": (1797, 8, 8, 1), "classes": (1797,)}
    elif sample.name in ARRAYS:
        assert arrays.load(str(sample)).shape == ARRAYS[sample.name]
    else:
        assert convcli.load(sample).nodes


@pytest.mark.parametrize("name", screens.SCREENS)
def test_a_screen_shows_what_its_command_prints(name):
    assert f"![What {screens.SCREENS[name]} shows](samples/screens/{name}.svg)" in README
    drawing = ElementTree.parse(screens.FOLDER / f"{name}.svg").getroot()
    texts = ["".join(each.itertext()) for each in drawing.iter("{http://www.w3.org/2000/svg}text")]
    shown, printed = (re.sub(r"\s", "", each) for each in ("".join(texts), screens.printed(screens.SCREENS[name])))
    title = re.sub(r"\s", "", f"$ {screens.SCREENS[name]}")
    assert shown == title + re.sub(r"\x1b\[[\d;]*m", "", printed)


def test_the_animation_is_what_its_command_makes(tmp_path):
    image = pytest.importorskip("PIL.Image", reason="needs Pillow (extra images)")
    assert f"`{screens.WALK} walk.gif`" in README
    screens.printed(f"{screens.WALK} {tmp_path / 'walk.gif'}")
    shown = []
    for path in (screens.FOLDER / "walk.gif", tmp_path / "walk.gif"):
        with image.open(path) as walk:
            walk.seek(walk.n_frames - 1)
            last = np.asarray(walk.convert("RGB")).astype(int)
            shown.append((walk.n_frames, last.shape, last[:: last.shape[0] // 20, :: last.shape[1] // 20]))
    assert shown[0][:2] == shown[1][:2]
    assert np.mean(shown[0][2] != shown[1][2]) < 0.05  # but for how another version of Pillow draws letters


def test_the_version_is_in_the_changelog():
    assert f"## {convcli.__version__}" in CHANGELOG
