"""The keys of signed URLs."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path


def signing_keys(given: str | None, folder: Path) -> Mapping[str, bytes]:
    """The keys of signed URLs by id, the one that signs first; without any given, one is kept beside the
    database."""
    if given is None:
        file = folder / "signing.key"
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(handle, "w") as fresh:
                fresh.write(f"k1:{secrets.token_hex(32)}\n")
        given = file.read_text().strip()
    pairs = (pair.split(":", 1) for pair in given.split(","))
    return {name: secret.encode() for name, secret in pairs}
