"""How large a picture says that it is, from its first bytes; nothing is decoded, and nothing believed."""

from struct import unpack_from

MAX_SEGMENTS = 64
"""Of a JPEG that are passed over on the way to its frame."""
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""JPEG markers that begin a frame (ITU-T T.81, table B.1)."""


def sides(name: str, head: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as stored; ``None`` where the first bytes do not tell."""
    reader = _READERS.get(name)
    found = reader(head) if reader else None
    return found if found and all(found) else None


def _png(head: bytes) -> tuple[int, int] | None:
    return unpack_from(">II", head, 16) if len(head) >= 24 else None


def _gif(head: bytes) -> tuple[int, int] | None:
    return unpack_from("<HH", head, 6) if len(head) >= 10 else None


def _webp(head: bytes) -> tuple[int, int] | None:
    if len(head) < 30:
        return None
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = unpack_from("<HH", head, 26)
    return width & 0x3FFF, height & 0x3FFF


def _jpeg(head: bytes) -> tuple[int, int] | None:
    at = 2
    for _ in range(MAX_SEGMENTS):
        if at + 9 > len(head) or head[at] != 0xFF:
            return None
        if head[at + 1] in _FRAMES:
            height, width = unpack_from(">HH", head, at + 5)
            return width, height
        at += 2 + int.from_bytes(head[at + 2 : at + 4])
    return None


_READERS = {"png": _png, "apng": _png, "gif": _gif, "webp": _webp, "jpeg": _jpeg}
