"""The readers of Keras's files: JSON, `.keras` archives and HDF5."""

from __future__ import annotations

from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.option_names import option
from convcli.core.records import replace
from convcli.io import hdf5, keras_archive
from convcli.readers.keras.json_values import is_keras
from convcli.readers.reader import ModelFile, Reader


def _read_json(file: ModelFile) -> dict[str, Any]:
    from convcli.readers.keras.model_mapping import mapping  # only models of Keras need the package's modules

    return mapping(file.value, file.title)


def _read_archive(file: ModelFile) -> dict[str, Any]:
    if not keras_archive.is_keras_archive(file.content):
        raise ConvcliError("is not a .keras archive: a zip file with config.json", "what model.save writes")
    config = replace(file, content=keras_archive.read_member(file.content, keras_archive.CONFIG), suffix=".json")
    if not is_keras(config.value):
        raise ConvcliError("config.json does not describe a Keras model", "what model.save writes")
    return _read_json(config)


def _refuse_hdf5(file: ModelFile) -> dict[str, Any]:
    remedy = f"model.to_json(), or a .keras file; {option('weights')} takes this file"
    raise ConvcliError("holds weights in HDF5, not a model", remedy)


HDF5 = Reader("Keras HDF5", lambda file: file.content.startswith(hdf5.MAGIC), _refuse_hdf5)
ARCHIVE = Reader(
    "Keras archive",
    lambda file: keras_archive.is_keras_archive(file.content) or file.suffix == ".keras",
    _read_archive,
    holds_weights=True,
)
JSON = Reader("Keras JSON", lambda file: is_keras(file.value), _read_json)
