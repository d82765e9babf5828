"""The readers of Keras's files: JSON, `.keras` archives and HDF5."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from itertools import accumulate
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
    config = replace(file, content=texts[MODEL_CONFIG].encode("utf-8", "surrogateescape"), suffix=".json")
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
        places = _StoredPlaces(weights_file.decode(file.content))
        for layer in mapping["layers"]:
            ((layer_type, arguments),) = layer.items()
            if layer_type == SHARED:
                continue
            own = places.shapes_of(arguments)
            if own or places.by_path or "/" not in arguments["name"]:  # else another layer's could be meant
                arguments.setdefault("weights" if layer_type == UNKNOWN else "stored_weights", own)
    return mapping


class _StoredPlaces:
    """The shapes of the weights in a file by the places where a layer's may stand.

    An archive stores weights by the layer's path. An HDF5 file of `model.save` stores them by the layer's name, or in
    the group of the model around it if there is one.
    """

    def __init__(self, stored: Mapping[str, Any]) -> None:
        self.by_path: dict[str, list[list[int]]] = defaultdict(list)
        self.by_name: dict[str, list[list[int]]] = defaultdict(list)
        self.nested: dict[str, list[list[int]]] = defaultdict(list)
        for key, array in stored.items():
            groups, shape = key.split("/")[:-1], list(array.shape)
            if key.startswith(ARCHIVED):
                for path in accumulate(groups, "{}/{}".format):
                    self.by_path[path].append(shape)
                continue
            for name in groups[:1]:
                self.by_name[name].append(shape)
            for name in {*groups[1:]}:
                self.nested[name].append(shape)

    def shapes_of(self, arguments: Mapping[str, Any]) -> list[list[int]]:
        """Return the shapes of the weights of a layer with these arguments."""
        name = arguments["name"]
        return self.by_path.get(arguments.get("stored_as", "")) or self.by_name.get(name) or self.nested.get(name) or []


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
