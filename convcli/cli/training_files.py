"""The files that `fit` writes: the weights, checkpoints, and a plot of the curves."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from convcli.core.errors import ConvcliError, located
from convcli.io.files import STANDARD_STREAM, check_writable, suffix, write_bytes

if TYPE_CHECKING:
    from convcli.core.lazy_imports import Array
    from convcli.learning.training import TrainingResult

PLOT_SUFFIXES = (".png", ".html", ".htm")


class TrainingFiles:
    """The names of the files that a training writes; no checkpoint and no plot where they are None.

    `checkpoint_error` is what went wrong with the last checkpoint, if something did.
    """

    def __init__(self, weights: str, checkpoint: str | None, plot: str | None) -> None:
        self.weights, self.checkpoint, self.plot = weights, checkpoint, plot
        self.checkpoint_error: ConvcliError | None = None

    def check_usage(self, arguments: Sequence[str]) -> None:
        """Raise `UsageError` where a name is not suitable, or would replace another of the files, or an input."""
        if self.plot is not None:
            _check_plot(self.plot)
        inputs = {os.path.realpath(path) for argument in arguments for path in _paths(argument)}
        for name in (self.weights, self.checkpoint):
            if name is not None and os.path.realpath(name) in inputs:
                raise click.UsageError(f"{name} would replace what is learned from (another file)")
        if self.checkpoint == STANDARD_STREAM:
            raise click.UsageError("a checkpoint is read and written again: a file, not -")
        if self.checkpoint is not None and os.path.realpath(self.checkpoint) == os.path.realpath(self.weights):
            raise click.UsageError(f"-o {self.weights} would replace the checkpoint (another file)")

    def check_writable(self) -> None:
        """Raise `ConvcliError` where one of the files could not be written."""
        for name in (self.weights, self.checkpoint, self.plot):
            if name is not None:
                check_writable(name)

    def write_checkpoint(self, arrays: Mapping[str, Array]) -> None:
        """Write a checkpoint. A failure does not stop the training, as the next one may succeed: it is a warning."""
        from convcli.io.npy import encode_npz

        assert self.checkpoint is not None
        try:
            write_bytes(self.checkpoint, encode_npz(arrays))
        except ConvcliError as error:
            if self.checkpoint_error is None:
                warnings.warn(f"the checkpoint was not written: {error}", stacklevel=2)
            self.checkpoint_error = error
        else:
            self.checkpoint_error = None

    def write_weights(self, result: TrainingResult) -> None:
        """Write the weights, if anything was learned.

        Raises `ConvcliError` where the loss diverged, after writing the weights from before; and where the file cannot
        be written: it names the checkpoint that holds the weights, if one does.
        """
        from convcli.io.npy import encode_npz

        if result.error is None or result.updates:
            try:
                write_bytes(self.weights, encode_npz(result.weights_by_key))
            except ConvcliError as error:
                if self.checkpoint is not None and self.checkpoint_error is None:
                    resume = f"--resume {self.checkpoint}, another -o"
                    error.remedy = f"{self.checkpoint} holds what was learned: {resume}"
                raise
        if result.error is not None:
            left = f"{self.weights} holds the weights from before" if result.updates else "nothing was learned"
            result.error.remedy = f"{result.error.remedy}; {left}"
            raise result.error

    def write_plot(self, result: TrainingResult) -> None:
        """Draw the curves of the loss and the accuracy, if there is to be a plot."""
        if self.plot is None:
            return
        if suffix(self.plot) == ".png":
            from convcli.output.render.loss_curves import png as draw
        else:
            from convcli.output.render.curves_page import render_curves as draw
        write_bytes(self.plot, draw(result.plan.model.name, result.history))


def _paths(argument: str) -> list[str]:
    """Return the paths that an argument may name: `FILE`, `NAME=FILE`, `FILE:KEY` or `NAME=FILE:KEY`."""
    files = (argument, argument.partition("=")[2])
    return [path for file in files for path in (file, file.rpartition(":")[0]) if path]


def _check_plot(name: str) -> None:
    if suffix(name) not in PLOT_SUFFIXES:
        raise click.UsageError(f"--plot {name}: a name that ends in {', '.join(PLOT_SUFFIXES)}")
    if suffix(name) == ".png":
        from convcli.io.images import import_pillow

        with located("--plot"):
            import_pillow()  # its absence should show now, not after the training
