"""Files of models that convcli does not read, which are told by name."""

from __future__ import annotations

from typing import Any

from convcli.io.npy import MAGIC
from convcli.readers.reader import ModelFile, Reader


def _recognises(file: ModelFile) -> bool:
    if file.parsed is not None or file.content.startswith(MAGIC):
        return False
    from convcli.io import foreign_formats

    return foreign_formats.find(file.content, file.suffix) is not None


def _refuse(file: ModelFile) -> dict[str, Any]:
    from convcli.io import foreign_formats

    form = foreign_formats.find(file.content, file.suffix)
    assert form is not None
    raise foreign_formats.not_a_model(form)


FOREIGN = Reader("format of another program", _recognises, _refuse)
