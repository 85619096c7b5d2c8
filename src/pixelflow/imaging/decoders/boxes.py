"""The boxes that JPEG 2000 and JPEG XL files are made of (ISO/IEC 15444-1, I.4)."""

from __future__ import annotations

from struct import unpack_from
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

MAX_BOXES = 10_000
"""Boxes of a file that are looked at."""


def boxes(data: mmap | bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of each box's content; raises ValueError for one that is cut off."""
    for _ in range(MAX_BOXES):
        if at + 8 > end:
            return
        size, kind = unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1:
            (size,) = unpack_from(">Q", data, start)
            start += 8
        until = end if size == 0 else at + size
        if not start <= until <= end:
            raise ValueError("a box is cut off")
        yield kind, start, until
        at = until
