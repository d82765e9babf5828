"""How far long work has come: what the engine tells, and the bar that shows it."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from levels import LEVELS_HERE, core_at
from runs import explained, prepared

import convcli as library
from convcli.cli import main, progress
from convcli.cli.explain import walk_report
from convcli.cli.output import Output

LINES = "samples/lines.yaml"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Makes standard error a terminal, and has no patience."""
    monkeypatch.setattr(progress, "PATIENCE", 0)
    monkeypatch.setattr(progress, "EVERY", 0)
    monkeypatch.setenv("TERM", "xterm")

    def make() -> Terminal:  # within the test, as pytest has a standard error of its own for that
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return make


@pytest.mark.parametrize("threads", [1, 2])
def test_layers_tell_how_far_they_are_by_their_work(threads):
    model = library.load(["Conv2D(8, 3, activation='relu')", "MaxPooling2D(2)", "Conv2D(4, 3)"])
    told = []
    x = {"input": np.zeros((2, 600, 600, 3))}
    with core_at("numpy"), prepared(model, x, seed=1, threads=threads) as run:
        run.result(lambda layer, share: told.append((layer, share)))
    layers = [layer for layer, _ in told]
    assert list(dict.fromkeys(layers)) == ["conv2d", "max_pooling2d", "conv2d_1"]
    assert layers.count("conv2d") > 3  # block by block
    shares = [max(share for each, share in told if each == layer) for layer in dict.fromkeys(layers)]
    assert shares == sorted(shares)
    assert 0.5 < shares[0] < shares[-1] <= 1.000001


@pytest.mark.skipif("not built" in LEVELS_HERE, reason="no core")
def test_the_core_tells_how_far_it_is_some_times_a_second():
    model = library.load(["Conv2D(64, 7, name='a')", "Conv2D(64, 7, name='b')"])
    told = []
    x = {"input": np.zeros((1, 500, 500, 64), np.float32)}
    with prepared(model, x, seed=1) as run:
        run.result(lambda layer, share: told.append((layer, share)))
    assert {layer for layer, _ in told} == {"a", "b"}
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < 0.5 < shares[-1] < 1


def test_a_walk_tells_how_far_it_is():
    model, told = library.load(["Conv1D([[1, 1]])"]), []
    layer = explained(model, {"input": np.arange(5.0)})
    report = walk_report(layer, 0, None, Output("json", progress=lambda name, share: told.append((name, share))))
    assert len(report.mapping()) == 4
    assert told == [("conv1d", share) for share in (0, 0.25, 0.5, 0.75)]


def test_the_bar_appears_with_the_layer_and_goes(terminal):
    stream, bar = terminal(), progress.Bar()
    bar("[bold]conv[2d]", 0.5)
    bar._progress.refresh()  # which a thread does ten times a second
    assert "[bold]conv[2d]" in stream.getvalue()
    assert "50%" in stream.getvalue()
    bar.close()
    assert stream.getvalue().endswith("\x1b[2K")  # the line is empty again


def test_a_signal_leaves_an_empty_line_and_a_cursor(terminal, monkeypatch):
    terminal()
    bar, written = progress.Bar(), []
    monkeypatch.setattr(os, "write", lambda number, text: written.append((number, text)))
    bar.wipe()
    assert written == []
    bar("conv2d", 0.5)
    bar.wipe()
    bar.close()
    assert written == [(2, b"\r\x1b[2K\x1b[?25h")]


def test_it_never_goes_back_within_a_layer(terminal):
    terminal()
    bar = progress.Bar()
    shown = []
    for layer, share in (("conv2d", 0.5), ("conv2d", 0.25), ("dense", 0.1)):
        bar(layer, share)
        shown.append(bar._progress.tasks[0].completed)
    assert shown == [0.5, 0.5, 0.1]
    bar.close()


def test_it_is_looked_at_now_and_then(terminal, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 60)
    terminal()
    bar = progress.Bar()
    bar("first", 0.5)
    bar("second", 0.6)
    assert bar._progress.tasks[0].description == "first"
    bar.close()


def test_the_bar_is_gone_before_the_answer_comes():
    """On a terminal for both, with an answer of one line after work that the bar has been shown for."""
    read, write = os.openpty()
    code = (
        "from convcli.cli import main, progress; progress.PATIENCE = progress.EVERY = 0;"
        "main(['apply', 'samples/bump.yaml', '--filter', 'bump', '-f', 'csv'])"
    )
    environment = {**os.environ, "TERM": "xterm", "PYTHONPATH": str(ROOT), "CONVCLI_CORE": "numpy"}
    subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=write, stderr=write, check=True, timeout=120
    )
    os.close(write)
    printed = b""
    with contextlib.suppress(OSError):
        while chunk := os.read(read, 1 << 16):
            printed += chunk
    before, _, after = printed.partition(b"0,0,1,1,0,0")
    assert b"depthwise_conv1d" in before
    assert before.endswith(b"\x1b[2K")
    assert after == b"\r\n"


def test_there_is_none_before_its_time(terminal, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 60)
    stream, bar = terminal(), progress.Bar()
    bar("conv2d", 0.5)
    bar.close()
    assert stream.getvalue() == ""


@pytest.mark.parametrize(("options", "shown"), [([], True), (["-q"], False)])
def test_commands_show_it_on_a_terminal_unless_quiet(terminal, monkeypatch, capsysbinary, options, shown):
    monkeypatch.chdir(ROOT)
    stream = terminal()
    with core_at("numpy"):  # the native core is done before it tells anything
        main(["apply", LINES, "--filter", "sobel-x", "-f", "csv", *options], standalone_mode=False)
    assert bool(stream.getvalue()) == shown


def test_elsewhere_there_is_none(convcli, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0)
    assert convcli("apply", LINES, "--filter", "sobel-x", "-f", "csv").stderr == ""
