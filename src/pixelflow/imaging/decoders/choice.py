"""Which decoder opens which format; those of extras only where they are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pixelflow.domain.installed import has
from pixelflow.imaging.decoders.ico import ico
from pixelflow.imaging.decoders.jp2 import jp2
from pixelflow.imaging.decoders.pillow import bmp

if TYPE_CHECKING:
    from collections.abc import Callable
    from mmap import mmap

    from pixelflow.domain.limits import ImageLimits
    from pixelflow.imaging.decoders.opened import Opened
    from pixelflow.imaging.decoders.view import View

DECODERS: dict[str, Callable[[mmap, ImageLimits, View], Opened]] = {"bmp": bmp, "ico": ico, "jp2": jp2}

if has("heif"):
    from pixelflow.imaging.decoders.heif import heic

    DECODERS["heic"] = heic
if has("jxl"):
    from pixelflow.imaging.decoders.jxl import jxl

    DECODERS["jxl"] = jxl
if has("pdf"):
    from pixelflow.imaging.decoders.pdf import pdf

    DECODERS["pdf"] = pdf
