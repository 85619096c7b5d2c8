"""The codecs that are really in this process, asked for their versions by their own functions."""

from __future__ import annotations

import ctypes
import os
import re
from importlib import metadata
from pathlib import Path

from pixelflow.domain.installed import has

WHEEL = "pyvips-binary"
"""The distribution whose libvips has its codecs linked in: they tell no versions, its own stands for them."""
_VERSION_FUNCTIONS = {
    "libaom": "aom_codec_version_str",
    "libdav1d": "dav1d_version",
    "libde265": "de265_get_version",
    "libheif": "heif_get_version",
    "libjpeg": "",  # has none
    "libpng16": "png_get_libpng_ver",
    "libspng": "spng_version_string",
    "libtiff": "TIFFGetVersion",
    "libwebp": "WebPGetDecoderVersion",
}
_PILLOW = {"libjpeg-turbo": "libjpeg_turbo", "libwebp": "webp", "libavif": "avif", "openjpeg": "jpg_2000"}
"""Pillow's names for its codecs."""
_INTEGERS = {"libwebp"}
"""Those that return 0xMMmmrr, where the others return a string."""
_SHARED = re.compile(r"(/.*/(lib\w+)\.so[.\d]*)$", re.MULTILINE)
"""A library's line in ``/proc/self/maps``; a wheel's own, with a hash in its name, is left out."""
_NUMBERS = re.compile(r"\d+(?:\.\d+)+")


def shared() -> dict[str, str]:
    """Versions of the shared libraries that decode or encode, or of the wheel that has them inside libvips.

    One that cannot be asked tells its file's name. Nothing where the system does not list what is mapped
    (Linux does, in ``/proc``).
    """
    try:
        mapped = {name: path for path, name in _SHARED.findall(Path("/proc/self/maps").read_text())}
    except OSError:
        return {}
    found = {name: _told(name, mapped[name]) for name in sorted(_VERSION_FUNCTIONS.keys() & mapped.keys())}
    return found if "libvips" in mapped else _wheel() | found


def pillow() -> dict[str, str]:
    """Versions of the codecs that Pillow decodes and encodes with here: its own, whatever libvips has."""
    from PIL import features

    told = {name: features.version(feature) for name, feature in _PILLOW.items()}
    return {f"{name} (pillow)": version for name, version in told.items() if version}


def extras() -> dict[str, str]:
    """Versions of the decoders that extras bring, and of the libheif in one of them."""
    found = {}
    if has("heif"):
        import pillow_heif

        found = {
            "pillow-heif": pillow_heif.__version__,
            "libheif (pillow-heif)": pillow_heif.libheif_version(),
        }
    if has("jxl"):
        found["pillow-jxl-plugin"] = metadata.version("pillow-jxl-plugin")
    if has("pdf"):
        import pypdfium2

        found |= {"pypdfium2": str(pypdfium2.PYPDFIUM_INFO), "pdfium": str(pypdfium2.PDFIUM_INFO)}
    return found


def numbers(version: str) -> tuple[int, ...]:
    """What versions are compared by; empty, so older than any, when there are none."""
    match = _NUMBERS.search(version)
    return tuple(map(int, match[0].split("."))) if match else ()


def _wheel() -> dict[str, str]:
    try:
        return {WHEEL: metadata.version(WHEEL)}
    except metadata.PackageNotFoundError:
        return {}


def _told(name: str, path: str) -> str:
    try:  # NOLOAD: a file that was replaced meanwhile is not what is mapped
        function = ctypes.CDLL(path, mode=os.RTLD_NOLOAD)[_VERSION_FUNCTIONS[name]]
    except (OSError, AttributeError):
        return Path(path).name
    if name in _INTEGERS:
        return ".".join(map(str, int(function()).to_bytes(4, "big")[1:]))
    function.restype = ctypes.c_char_p
    match = _NUMBERS.search((function(None) or b"").decode(errors="replace"))
    return match[0] if match else Path(path).name
