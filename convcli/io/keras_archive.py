"""`.keras` archives, which `model.save` of Keras 3 writes: a zip file of the configuration and the weights."""

from __future__ import annotations

from convcli.core.errors import ConvcliError
from convcli.io import zip_archive

KIND = ".keras archive"
CONFIG, WEIGHTS = "config.json", "model.weights.h5"
MAX_CONFIG_BYTES = 1 << 25  # a hundred times the largest configuration among Keras's own models


def is_keras_archive(content: bytes) -> bool:
    """Return True if the bytes are a zip file that holds a Keras configuration."""
    return CONFIG in zip_archive.listed_names(content)


def read_member(content: bytes, name: str) -> bytes:
    """Return one file of an archive. Raises `ConvcliError`."""
    max_bytes = MAX_CONFIG_BYTES if name == CONFIG else None
    archive = zip_archive.Archive(content, KIND, max_bytes)
    if name not in archive.entries:
        raise ConvcliError(f"the archive holds no {name}", "what model.save writes")
    return archive.read(name)
