"""Runs of `convcli fit` that stop: by a signal, by a loss that is not finite; and how they resume."""

from __future__ import annotations

import csv
import io
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
from conftest import ROOT, heed_signals
from fit_runs import LINES, SAMPLES, assert_same, read_npz, run_fit, write_data
from runs import training

import convcli as library
from convcli.cli.stopping import Stop
from convcli.io import arrays, npy
from convcli.learning import checkpoints
from convcli.learning.options import Options


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path)


@pytest.fixture
def fit(convcli, data):
    """Runs fit in the folder of the data: the answer and the weights."""
    return partial(run_fit, convcli, data)


@pytest.mark.parametrize("call", [1, 3, 4, 6])  # of the function that stops it: before a batch, or one of validation
@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "sgd", "momentum": 0.9, "batch_size": 8},
        {"optimizer": "rmsprop", "momentum": 0.5, "validation_split": 0.3, "batch_size": 6},
        {
            "optimizer": "adam",
            "learning_rate": 0.1,
            "patience": 2,
            "validation_split": 0.3,
            "batch_size": 6,
            "seed": 7,
        },
    ],
    ids=lambda options: options["optimizer"],
)
def test_a_run_that_was_stopped_resumes_from_its_checkpoint_file_to_the_same_result(data, options, call):
    model = library.load(data / "network.yaml")
    inputs, targets = {"input": np.load(data / "x.npy")}, {"dense": np.load(data / "classes.npy")}
    files = []

    def result_of(options, should_stop=lambda: False, checkpoint=None):
        with training(model, inputs, targets, options, checkpoint=checkpoint) as run:
            return run.run(should_stop=should_stop, save_checkpoint=lambda each: files.append(npy.encode_npz(each)))

    through = result_of(Options(epochs=5, **options))
    answers = iter([False] * call + [True])
    stopped = result_of(Options(epochs=5, **options), lambda: next(answers))
    assert stopped.stop_reason == "interrupted"
    assert 0 < stopped.updates <= call
    resumed = result_of(Options(), checkpoint=checkpoints.unpack(arrays.decode(files[-1])))
    assert_same(resumed.weights_by_key, through.weights_by_key)
    for name in ("history", "updates", "stop_reason", "best_epoch"):
        assert getattr(resumed, name) == getattr(through, name)


def test_a_run_resumes_to_more_epochs_with_the_options_of_its_checkpoint(fit, data):
    np.save(data / "one-hot.npy", np.eye(3)[np.load(data / "classes.npy")])
    files = ("x.npy", "one-hot.npy", "network.yaml")
    options = ("--loss", "mse", "--momentum", 0.5, "--optimizer", "sgd")
    fit(*files, *options, "--epochs", 2, "--checkpoint", data / "run.npz", model=())
    resumed, weights = fit(*files, "--epochs", 4, "--resume", data / "run.npz", model=())
    through, expected = fit(*files, *options, "--epochs", 4, model=())
    assert_same(weights, expected)
    assert resumed == through
    again, weights = fit(*files, "--resume", data / "run.npz", model=())  # resuming wrote the checkpoint again
    assert_same(weights, expected)
    assert again["updates"] == through["updates"]


def start_fit(data, *options):
    """Start a fit that takes long; return it once its first checkpoint, `run.npz`, is there."""
    checkpoint = data / "run.npz"
    files = ("-o", data / "w.npz", "--checkpoint", checkpoint, "-f", "csv")
    command = [sys.executable, "-m", "convcli", "fit", *options, "--epochs", "1000000", *files]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [str(text) for text in command], stdout=pipe, stderr=pipe, text=True, cwd=ROOT, preexec_fn=heed_signals
    )
    end = time.monotonic() + 120
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    return process


def test_ctrl_c_keeps_what_was_learned_and_the_run_resumes(fit, data):
    files = [data / name for name in ("x.npy", "classes.npy", "network.yaml")]
    with start_fit(data, *files, "--batch-size", "4") as process:
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=120)
    assert process.returncode == 130
    rows = list(csv.DictReader(io.StringIO(output)))
    epochs = len(rows)
    assert epochs > 0
    assert error == (
        f"Interrupted after {epochs} of 1000000 epochs: {data / 'w.npz'} holds what was learned; "
        f"--resume {data / 'run.npz'} goes on\n"
    )
    assert set(read_npz(data / "w.npz")) <= set(read_npz(data / "run.npz"))
    assert not list(data.glob(".convcli-*"))
    options = ("--batch-size", "4", "--resume", data / "run.npz", "--epochs", epochs + 2)
    answer, _ = fit(*files, *options, model=())
    losses = answer["history"]["loss"]
    assert len(losses) == epochs + 2
    assert [f"{loss}" for loss in losses[:epochs]] == [row["loss"] for row in rows]
    assert answer["updates"] == (epochs + 2) * 6  # 24 samples in batches of 4


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_other_signals_that_end_a_program_are_heeded_like_ctrl_c(data, number, code):
    with start_fit(data, *LINES) as process:
        process.send_signal(number)
        _, error = process.communicate(timeout=120)
    assert process.returncode == code
    assert error.startswith("Interrupted after ")
    assert (data / "w.npz").exists()


def test_a_run_that_is_stopped_before_its_first_batch_writes_all_its_files(convcli, data, monkeypatch):
    monkeypatch.setattr("convcli.cli.fit.stoppable", lambda: nullcontext(Stop(signal.SIGINT)))
    plot = data / "c.html"
    result = convcli("fit", *LINES, "-o", data / "w.npz", "--plot", plot, "-f", "csv")
    assert result.exit_code == 130
    assert result.stderr == f"Interrupted after 0 of 313 epochs: {data / 'w.npz'} holds what was learned\n"
    assert plot.exists()
    assert set(read_npz(data / "w.npz")) == {"conv2d/kernel", "conv2d/bias"}


def test_a_loss_that_diverges_leaves_the_weights_of_the_last_finite_loss(convcli, data):
    files = (data / "x.npy", data / "maps.npy", "-l", "Conv2D(1, 3)", "-o", data / "w.npz")
    convcli("fit", *files, "--epochs", "1")
    before = read_npz(data / "w.npz")
    options = ("--optimizer", "sgd", "--learning-rate", "1e30", "--epochs", "9", "--weights", data / "w.npz")
    result = convcli("fit", *files, *options)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: epoch 2, batch 1: the loss is not finite "
        f"(--learning-rate below 1e+30, or --scale; {data / 'w.npz'} holds the weights from before)\n"
    )
    assert_same(read_npz(data / "w.npz"), before)


def test_a_loss_that_diverges_at_once_writes_no_weights(convcli, data):
    np.save(data / "x.npy", np.full((SAMPLES, 6, 6, 1), 1e30))
    result = convcli("fit", data / "x.npy", data / "maps.npy", "-l", "Conv2D(1, 3)", "-o", data / "none.npz")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: epoch 1, batch 1: the loss is not finite "
        "(smaller inputs or weights, such as by --scale; nothing was learned)\n"
    )
    assert not (data / "none.npz").exists()
