"""Storage by address."""

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from pixelflow.adapters.addresses import opener
from pixelflow.domain.errors import StartupError
from pixelflow.ports.storage import Storage


def _local(address: str) -> Storage:
    from pixelflow.adapters.storage.local import LocalStorage

    parts = urlsplit(address)
    options = parse_qs(parts.query)
    uploads, outputs = options.pop("uploads", []), options.pop("outputs", [])
    if parts.netloc or parts.path or options or len(uploads) != 1 or len(outputs) != 1:
        raise StartupError(f"STORAGE={address!r} must read file://?uploads=FOLDER&outputs=FOLDER")
    try:
        return LocalStorage(Path(uploads[0]), Path(outputs[0]))
    except OSError as error:
        raise StartupError(
            f"cannot keep files in {error.filename}: {error.strerror}; "
            "set UPLOAD_DIR and OUTPUT_DIR to folders that this user may write to"
        ) from error


ADDRESSES: Mapping[str, Callable[[str], Storage]] = {"file": _local}


def open_storage(address: str) -> Storage:
    """The storage that an address names; raises StartupError for one that cannot be."""
    return opener("STORAGE", address, ADDRESSES)(address)
