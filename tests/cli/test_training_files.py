"""The files that `convcli fit` writes: what is kept where one cannot be written, and which names are refused."""

from __future__ import annotations

import pytest
from fit_runs import assert_same, read_npz

from convcli.core.errors import ConvcliError

FIT = ("fit", "samples/bumps.npy", "samples/bump-maps.npy", "-l", "Conv1D(1, 3)", "--epochs", 3, "-f", "csv")


def test_where_a_checkpoint_cannot_be_written_the_weights_still_are(convcli, tmp_path):
    weights = tmp_path / "w.npz"
    result = convcli(*FIT, "-o", weights, "--checkpoint", "/dev/full")
    assert result.exit_code == 1
    assert result.stdout.startswith("epoch,loss\n1,")
    assert result.stderr.splitlines() == [
        "Warning: the checkpoint was not written: /dev/full: no space left on device",
        f"Error: /dev/full: no space left on device ({weights} holds what was learned; "
        "the last checkpoint could not be written)",
    ]
    assert set(read_npz(weights)) == {"conv1d/kernel", "conv1d/bias"}


def test_where_the_weights_cannot_be_written_the_checkpoint_holds_them(convcli, tmp_path):
    full, checkpoint = tmp_path / "full.npz", tmp_path / "c.npz"
    full.symlink_to("/dev/full")
    result = convcli(*FIT, "-o", full, "--checkpoint", checkpoint)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: {full}: no space left on device "
        f"({checkpoint} holds what was learned: --resume {checkpoint}, another -o)\n"
    )
    assert convcli(*FIT, "-o", tmp_path / "w.npz").exit_code == 0
    assert convcli(*FIT, "-o", tmp_path / "again.npz", "--resume", checkpoint).exit_code == 0
    assert_same(read_npz(tmp_path / "again.npz"), read_npz(tmp_path / "w.npz"))


def test_where_neither_can_be_written_no_checkpoint_is_said_to_hold_the_weights(convcli, tmp_path, monkeypatch):
    def fail(name, content):
        raise ConvcliError(f"{name}: no space left on device")

    monkeypatch.setattr("convcli.cli.training_files.write_bytes", fail)
    result = convcli(*FIT, "-o", tmp_path / "w.npz", "--checkpoint", tmp_path / "c.npz")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"Warning: the checkpoint was not written: {tmp_path / 'c.npz'}: no space left on device",
        f"Error: {tmp_path / 'w.npz'}: no space left on device",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--checkpoint", "./w.npz"), "-o w.npz would replace the checkpoint (another file)"),
        (("--resume", "w.npz"), "-o w.npz would replace the checkpoint (another file)"),
        (("--checkpoint", "-"), "a checkpoint is read and written again: a file, not -"),
        (("--resume", "-"), "a checkpoint is read and written again: a file, not -"),
    ],
)
def test_a_checkpoint_that_is_not_a_file_of_its_own_is_refused(convcli, options, message):
    result = convcli(*FIT, "-o", "w.npz", *options)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (2, f"Error: {message}")
