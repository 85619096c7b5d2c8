"""Whether memory ran out: libraries tell of it in words of their own, or not at all."""

from __future__ import annotations

from mmap import mmap

_WORDS = (
    "out of memory",
    "unable to allocate",
    "failed to allocate",
    "cannot allocate memory",
    "insufficient memory",
    "memory error",
    "memory allocation error",
    "no space for output buffer",
)
_CODECS = ("webpsave", "heif", "cgifsave", "Encoder plugin", "Generic Error")
"""How the words begin of encoders that hold a picture whole, and do not say why they gave up."""
_ROOM = 64
"""Bytes for each pixel that the hungriest of them takes, and some more."""


def ran_out(error: BaseException) -> bool:
    """Whether an error says so."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(words in text for words in _WORDS)


def lacked(error: BaseException, size: tuple[int, int]) -> bool:
    """Whether that is why a picture of this size in pixels was not written.

    The picture was one for the encoder, and now that it gave up there still is no room for such a one.
    """
    said = str(error).strip().rpartition("_buffer\n")[2].strip()
    return ran_out(error) or (said.startswith(_CODECS) and not _room(_ROOM * size[0] * size[1]))


def _room(size: int) -> bool:
    try:
        mmap(-1, size).close()
    except (OSError, MemoryError):
        return False
    return True
