"""Which encoder writes which format; those of extras only where they are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from pixelflow.domain.installed import has
from pixelflow.imaging.encoders import motion

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyvips

    from pixelflow.operations.encoding import Encoding

Encode: TypeAlias = "Callable[[pyvips.Image, Encoding, int, int, int], bytes]"
"""From the image, the options, the quality, what is kept (VipsForeignKeep) and the effort."""
STILLS: dict[str, Encode] = {}
ANIMATIONS: dict[str, Encode] = {"avif": motion.avif, "apng": motion.apng}
"""Those of libvips' formats that it writes no animations of."""

if has("heif"):
    from pixelflow.imaging.encoders.heif import heic

    STILLS["heic"] = heic
if has("jxl"):
    from pixelflow.imaging.encoders.jxl import jxl

    STILLS["jxl"] = jxl
