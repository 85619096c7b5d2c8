"""The image formats PixelFlow knows: names, media types, extensions, first bytes.

What a given installation can do with them is told by ``domain.installed``.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """A format; ``reads`` and ``writes`` say what can be done with it once its ``extra`` is installed,
    ``max_depth`` is bits a channel that survive reading or writing."""

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
    Format("apng", "image/apng", ("png", "apng"), animated=True),
    Format("webp", "image/webp", ("webp",), animated=True),
    Format("gif", "image/gif", ("gif",), animated=True),
    Format("avif", "image/avif", ("avif",), animated=True, max_depth=12),
    Format("tiff", "image/tiff", ("tif", "tiff"), max_depth=16),
    Format("heic", "image/heic", ("heic", "heif"), max_depth=12, extra="heif"),
    Format("jxl", "image/jxl", ("jxl",), extra="jxl"),
    Format("pdf", "application/pdf", ("pdf",), writes=False, alpha=False, extra="pdf"),
    Format("svg", "image/svg+xml", ("svg",), writes=False),
    Format("jp2", "image/jp2", ("jp2", "j2k", "jpx"), writes=False),
    Format("bmp", "image/bmp", ("bmp", "dib"), writes=False),
    Format("ico", "image/vnd.microsoft.icon", ("ico",), writes=False),
)
BY_NAME = {known.name: known for known in FORMATS}
DOCUMENTS = {"json": "application/json", "zip": "application/zip"}
"""Media types of the results that are no pictures, by name, which is their extension too."""

EXTRAS: Mapping[str, str] = {
    "heif": "pillow_heif",
    "jxl": "pillow_jxl",
    "pdf": "pypdfium2",
    "s3": "obstore",
}
"""The module by which it is told whether an extra is installed."""
DRAWN = frozenset({"pdf", "svg"})
"""Formats without pixels of their own: they are drawn at some number of dots an inch."""
PAGED = frozenset({"tiff", "pdf"})
"""Formats with pages, of which one is the picture."""
SETTINGS: Mapping[str, str] = {"svg": "ALLOW_SVG"}
"""The setting that allows a format which is not read unless it is allowed."""


def same_as(source: str) -> str:
    """The format that ``same`` stands for: the source's, or PNG where that is only read."""
    return source if BY_NAME[source].writes else "png"


def media_type(name: str) -> str:
    """Of a result: a format's or a document's."""
    return DOCUMENTS.get(name) or BY_NAME[name].media_type


def extension(name: str) -> str:
    """Of a result's file name; ``bin`` for what is not known here."""
    if name in DOCUMENTS:
        return name
    return BY_NAME[name].extensions[0] if name in BY_NAME else "bin"


SNIFF_BYTES = 144
"""How many first bytes ``sniff`` needs: as far as 32 compatible brands."""


def sniff(head: bytes) -> str | None:
    """The format's name by its first bytes, never by a file name; also names kinds that are not read;
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
    if found := next((name for magic, name in _MAGIC if head.startswith(magic)), None):
        return found
    return next((name for magic, name in _TEXT if head.lstrip()[: len(magic)].lower() == magic), None)


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
_MAGIC = (
    (b"BM", "bmp"),
    (b"\0\0\1\0", "ico"),
    (b"\xff\x0a", "jxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "jp2"),
    (b"\xff\x4f\xff\x51", "jp2"),
    (b"8BPS", "psd"),
)
_TEXT = ((b"%pdf", "pdf"), (b"<svg", "svg"), (b"<?xml", "svg"))
