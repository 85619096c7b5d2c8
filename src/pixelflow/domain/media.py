"""The image formats PixelFlow knows: names, media types, extensions, first bytes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """A format; ``reads`` and ``writes`` say what an installation without extras does, ``max_depth`` in
    bits a channel."""

    name: str
    media_type: str
    extensions: tuple[str, ...]
    reads: bool = True
    writes: bool = True
    animated: bool = False
    alpha: bool = True
    max_depth: int = 8
    extra: str | None = None


FORMATS = (
    Format("jpeg", "image/jpeg", ("jpg", "jpeg", "jpe"), alpha=False),
    Format("png", "image/png", ("png",), max_depth=16),
    Format("webp", "image/webp", ("webp",), animated=True),
    Format("gif", "image/gif", ("gif",), animated=True),
    Format("avif", "image/avif", ("avif",), max_depth=12),
    Format("tiff", "image/tiff", ("tif", "tiff"), max_depth=16),
)
BY_NAME = {known.name: known for known in FORMATS}
WRITABLE = tuple(known.name for known in FORMATS if known.writes)
JSON_MEDIA_TYPE = "application/json"

SNIFF_BYTES = 144
"""How many first bytes ``sniff`` needs: as far as 32 compatible brands."""


def sniff(head: bytes) -> str | None:
    """The format's name by its first bytes, never by a file name; also names kinds that are known but off;
    ``None`` if unknown."""
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:6] in {b"GIF87a", b"GIF89a"}:
        return "gif"
    if head[:4] in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}:
        return "tiff"
    if head[4:8] == b"ftyp":
        return _by_brands(head)
    return next((name for magic, name in _OFF if head.lstrip()[: len(magic)].lower() == magic), None)


def _by_brands(head: bytes) -> str | None:
    """By the brands of an ISO base media file (ISO/IEC 14496-12, 4.3): the major one, then those that it is
    compatible with; one that only says that it is HEIF (``mif1``, ``msf1``) does not say with which codec."""
    end = min(len(head), int.from_bytes(head[:4], "big"))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
    return next((_CODECS[brand] for brand in brands if brand in _CODECS), _CONTAINERS.get(brands[0]))


_CODECS = {
    b"avif": "avif",
    b"avis": "avif",
    b"heic": "heic",
    b"heix": "heic",
    b"heim": "heic",
    b"heis": "heic",
    b"hevc": "heic",
    b"hevx": "heic",
    b"hevm": "heic",
    b"hevs": "heic",
}
_CONTAINERS = {b"mif1": "heif", b"msf1": "heif"}
_OFF = (
    (b"bm", "bmp"),
    (b"\0\0\1\0", "ico"),
    (b"%pdf", "pdf"),
    (b"<svg", "svg"),
    (b"<?xml", "svg"),
    (b"\xff\x0a", "jxl"),
    (b"\0\0\0\x0cjxl ", "jxl"),
    (b"\0\0\0\x0cjp  ", "jp2"),
    (b"8bps", "psd"),
)
