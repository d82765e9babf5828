"""Files of other programs that are not models here, which are told by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convcli.core.errors import ConvcliError
from convcli.io.npy import MAGIC
from convcli.readers.reader import ModelFile, Reader


class NoLayersError(ConvcliError):
    """The error for a file that holds weights and no layers; `tensors` are the weights by name."""

    def __init__(self, error: ConvcliError, tensors: Mapping[str, Any]) -> None:
        super().__init__(error.problem, f"{error.remedy}, and convcli shape lists it")
        self.tensors = tensors


def _recognises(file: ModelFile) -> bool:
    if file.parsed is not None or file.content.startswith(MAGIC):
        return False
    from convcli.io import foreign_formats

    return foreign_formats.find(file.content, file.suffix) is not None


def _refuse(file: ModelFile) -> dict[str, Any]:
    from convcli.io import foreign_formats

    form = foreign_formats.find(file.content, file.suffix)
    assert form is not None
    error = foreign_formats.not_a_model(form)
    if form is not foreign_formats.CHECKPOINT:
        raise error
    from convcli.io import torch_checkpoint

    raise NoLayersError(error, torch_checkpoint.decode(file.content))


FOREIGN = Reader("format of another program", _recognises, _refuse)
