"""Tell PyTorch's files from others, without reading them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from convcli.io import zip_archive

KIND = "PyTorch file"
PICKLE_START = b"\x80"
TAR_MAGIC, TAR_MAGIC_OFFSET = b"ustar", 257


def is_checkpoint(content: bytes) -> bool:
    """Return True for a file that PyTorch wrote with `torch.save` or `torch.jit.save`, and for pickles alike."""
    if zip_archive.is_zip(content):
        return pickle_name(zip_archive.listed_names(content)) is not None
    return content.startswith(PICKLE_START) or is_tar(content)


def is_tar(content: bytes) -> bool:
    """Return True for a tar file, which PyTorch wrote before its version 0.2."""
    return content.startswith(TAR_MAGIC, TAR_MAGIC_OFFSET)


def pickle_name(names: Iterable[str]) -> str | None:
    """Return the name of the pickle among those in a zip archive, `data.pkl` in its one folder; None without any."""
    return next((name for name in names if re.fullmatch(r"[^/]+/data\.pkl", name)), None)
