"""The readers of Keras's files: JSON, `.keras` archives and HDF5."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.option_names import option
from convcli.core.records import replace
from convcli.io import hdf5, keras_archive
from convcli.model.layers import UNKNOWN
from convcli.readers.call_form import SHARED
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
    return _with_stored_shapes(_read_json(config), file)


def _read_hdf5(file: ModelFile) -> dict[str, Any]:
    texts = hdf5.attributes(file.content, (MODEL_CONFIG, KERAS_VERSION))
    if MODEL_CONFIG not in texts:
        remedy = f"what model.save or model.to_json() writes; {option('weights')} takes this file"
        raise ConvcliError("holds weights in HDF5, not a model", remedy)
    config = replace(file, content=texts[MODEL_CONFIG].encode(), suffix=".json")
    if not is_keras(config.value):
        raise ConvcliError(f"{MODEL_CONFIG} does not describe a Keras model", "what model.save writes")
    version = {KERAS_VERSION: texts[KERAS_VERSION]} if KERAS_VERSION in texts else {}
    return _with_stored_shapes(_read_json(replace(config, parsed={**config.value, **version})), file)


def _with_stored_shapes(mapping: dict[str, Any], file: ModelFile) -> dict[str, Any]:
    """Return the mapping of a model with the shapes of its weights, as the file holds them, if it has unknown layers.

    They stay untold where the weights cannot be read, because most shapes and counts do not depend on them.
    """
    if not any(UNKNOWN in layer for layer in mapping["layers"]):
        return mapping
    from convcli.io import weights_file

    with suppress(ConvcliError):
        shapes = {key: array.shape for key, array in weights_file.decode(file.content).items()}
        for layer in mapping["layers"]:
            ((layer_type, arguments),) = layer.items()
            if layer_type == SHARED:
                continue
            own = [list(shapes[key]) for key in _keys_of(arguments, shapes)]
            arguments.setdefault("weights" if layer_type == UNKNOWN else "stored_weights", own)
    return mapping


def _keys_of(arguments: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    """Return the keys of a weights file that belong to a layer with these arguments.

    An archive stores weights by the layer's path. An HDF5 file of `model.save` stores them by the layer's name, or in
    the group of the model around it if there is one.
    """
    by_path = [key for key in keys if key.startswith(f"{arguments.get('stored_as')}/")]
    by_name = [key for key in keys if key.startswith(f"{arguments['name']}/") and not key.startswith(ARCHIVED)]
    nested = [key for key in keys if f"/{arguments['name']}/" in key and not key.startswith(ARCHIVED)]
    return by_path or by_name or nested


ARCHIVED = "layers/"  # how all keys of an archive begin
MODEL_CONFIG, KERAS_VERSION = "model_config", "keras_version"  # attributes of the file

HDF5 = Reader("Keras HDF5", lambda file: file.content.startswith(hdf5.MAGIC), _read_hdf5, holds_weights=True)
ARCHIVE = Reader(
    "Keras archive",
    lambda file: keras_archive.is_keras_archive(file.content) or file.suffix == ".keras",
    _read_archive,
    holds_weights=True,
)
JSON = Reader("Keras JSON", lambda file: is_keras(file.value), _read_json)
