"""Which decoder opens which format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pixelflow.imaging.decoders.ico import ico
from pixelflow.imaging.decoders.jp2 import jp2
from pixelflow.imaging.decoders.pillow import bmp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from mmap import mmap

    from pixelflow.domain.limits import ImageLimits
    from pixelflow.imaging.decoders.opened import Opened

DECODERS: Mapping[str, Callable[[mmap, ImageLimits], Opened]] = {"bmp": bmp, "ico": ico, "jp2": jp2}
