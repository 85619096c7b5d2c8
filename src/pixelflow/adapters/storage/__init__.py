"""Storage by address."""

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlsplit

from pixelflow.domain.errors import StartupError
from pixelflow.ports.storage import Storage


def _local(address: SplitResult) -> Storage:
    from pixelflow.adapters.storage.local import LocalStorage

    options = parse_qs(address.query)
    uploads, outputs = options.pop("uploads", []), options.pop("outputs", [])
    if address.netloc or address.path or options or len(uploads) != 1 or len(outputs) != 1:
        raise StartupError(f"STORAGE {address.geturl()!r} must read file://?uploads=FOLDER&outputs=FOLDER")
    try:
        return LocalStorage(Path(uploads[0]), Path(outputs[0]))
    except OSError as error:
        raise StartupError(
            f"cannot keep files in {error.filename}: {error.strerror}; "
            "set UPLOAD_DIR and OUTPUT_DIR to folders that this user may write to"
        ) from error


ADDRESSES: Mapping[str, Callable[[SplitResult], Storage]] = {"file": _local}


def open_storage(address: str) -> Storage:
    """The storage that an address names; raises StartupError for one that cannot be."""
    parts = urlsplit(address)
    if parts.scheme not in ADDRESSES:
        known = ", ".join(f"{scheme}://" for scheme in ADDRESSES)
        raise StartupError(f"STORAGE {address!r} names no storage that is installed; there is {known}")
    return ADDRESSES[parts.scheme](parts)
