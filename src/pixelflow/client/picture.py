"""The picture to send: a path, bytes or a binary file, in a form that a retry can send again."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import IO, BinaryIO

Picture = str | PathLike[str] | bytes | BinaryIO
SPOOL_BYTES = 4 * 1024 * 1024
"""A stream that cannot be rewound is kept in memory up to this size, then in a temporary file."""


@dataclass(frozen=True, slots=True)
class Part:
    """A multipart part's file name and its bytes, which are read from the start at each try."""

    name: str
    stream: IO[bytes]


@contextmanager
def opened(picture: Picture) -> Iterator[Part]:
    """Raises OSError when a path cannot be read; a file object that was passed in stays open."""
    if isinstance(picture, bytes):
        yield Part("picture", BytesIO(picture))
    elif isinstance(picture, (str, PathLike)):
        path = Path(picture)
        with path.open("rb") as stream:
            yield Part(_sayable(path.name), stream)
    elif picture.seekable() and picture.tell() == 0:
        yield Part(_name(picture), picture)
    else:
        with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as spool:
            shutil.copyfileobj(picture, spool)
            yield Part(_name(picture), spool)


def _name(stream: BinaryIO) -> str:
    name = getattr(stream, "name", None)
    return _sayable(Path(name).name) if isinstance(name, str) else "picture"


def _sayable(name: str) -> str:
    """Bytes of a file's name that are no text have none in a form either."""
    return name.encode(errors="replace").decode()
