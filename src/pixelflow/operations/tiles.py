"""A picture cut into tiles at every scale, for viewers that load what they show."""

from __future__ import annotations

import json
import re
from io import BytesIO
from math import ceil, log2
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from pydantic import Field, model_validator

from pixelflow.domain.media import extension
from pixelflow.operations.base import Context, Operation
from pixelflow.operations.encoding import DEFAULT_QUALITY
from pixelflow.operations.frames import first_frame
from pixelflow.operations.problems import Contradiction
from pixelflow.operations.spellings import spelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyvips

NAME = "tiles"
"""What the folder in the zip is called, the same for every step: equal steps give equal bytes."""
_WRITTEN = (1980, 1, 1, 0, 0, 0)
"""The date of every entry, the oldest that a zip can tell."""
_SITE = "https://example.com/iiif"
_DEEP_ZOOM = re.compile(rf"{NAME}_files/(\d+)/(\d+)_(\d+)\.\w+")
_LEFT_OUT = ("vips-properties.xml", "blank.png")
"""What libvips adds: the date of writing, and a tile that no layout here refers to."""


def zipped(files: Iterable[tuple[str, bytes]]) -> bytes:
    """A zip of these, stored as they are, since pictures are compressed already."""
    made = BytesIO()
    with ZipFile(made, "w", ZIP_STORED) as archive:
        for name, content in files:
            entry = ZipInfo(name, _WRITTEN)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return made.getvalue()


class Tiles(Operation):
    """Cut the picture into tiles at every scale, each half of the one before, as one zip for a web server.

    Unpack it and point a viewer as OpenSeadragon, Leaflet or Mirador at it. Of an animation the first frame
    is cut. JPEG and `google` lay transparency on white; PNG keeps 16 bits.
    """

    action = "tiles"
    family = "sets"
    produces: ClassVar[Literal["image", "json", "zip"]] = "zip"

    layout: Annotated[
        Literal["dz", "zoomify", "google", "iiif", "iiif3"], spelled(dz="deepzoom dzi", iiif="iiif2")
    ] = "dz"
    """`dz` (Deep Zoom, `tiles.dzi`), `zoomify`, `google` (`z/y/x`, whole squares, as map viewers have it),
    `iiif` (Image API 2.1, level 0) or `iiif3` (Image API 3.0, level 0)."""
    size: int = Field(default=256, ge=64, le=4096)
    """A tile's sides in pixels."""
    overlap: int = Field(default=0, ge=0, le=32)
    """Pixels that a tile shares with each of its neighbours, for `dz`."""
    format: Annotated[Literal["jpeg", "png", "webp"], spelled(jpeg="jpg")] = "jpeg"
    """The tiles' format; Zoomify viewers take JPEG alone."""
    quality: int | None = Field(default=None, ge=1, le=100)
    """Of JPEG and WebP; by default 80."""
    base_url: str = Field(default=_SITE, pattern=r"^https?://[!-~]+$", max_length=500, examples=[_SITE])
    """Where the zip will be unpacked, which `info.json` of `iiif` and `iiif3` has to name."""

    @model_validator(mode="after")
    def _consistent(self) -> Tiles:
        if self.overlap and self.layout != "dz":
            raise Contradiction(f"{self.layout} has no overlap, only dz", "overlap", "layout")
        if self.layout == "zoomify" and self.format != "jpeg":
            raise Contradiction(f"zoomify has JPEG tiles, no {self.format}", "format", "layout")
        if self.quality is not None and self.format not in DEFAULT_QUALITY:
            raise Contradiction(f"quality has no meaning for {self.format}", "quality", "format")
        if self.base_url != _SITE and not self.layout.startswith("iiif"):
            raise Contradiction(f"{self.layout} names no address, only iiif and iiif3", "base_url", "layout")
        return self

    def apply(self, image: pyvips.Image, context: Context) -> bytes:
        picture = first_frame(image)
        if picture.format == "ushort" and self.format != "png":
            picture = picture.colourspace("b-w" if picture.bands < 3 else "srgb")
        if picture.hasalpha() and (self.format == "jpeg" or self.layout == "google"):
            white = 65535 if picture.format == "ushort" else 255
            picture = picture.flatten(background=[white] * (picture.bands - 1))
        quality = self.quality or DEFAULT_QUALITY.get(self.format)
        iiif = self.layout.startswith("iiif")
        made = picture.dzsave_buffer(
            basename=NAME,
            layout="dz" if iiif else self.layout,
            tile_size=self.size,
            overlap=self.overlap,
            suffix=f".{extension(self.format)}" + (f"[Q={quality}]" if quality else ""),
            container="zip",
            skip_blanks=-1,
            background=[65535 if picture.format == "ushort" else 255],
            **({"depth": "onetile"} if iiif else {}),
            keep="none",
        )
        with ZipFile(BytesIO(made)) as archive:
            if iiif:
                return zipped(self._as_iiif(archive, picture.width, picture.height))
            names = [name for name in archive.namelist() if not name.endswith(_LEFT_OUT)]
            return zipped((name, archive.read(name)) for name in names)

    def _as_iiif(self, archive: ZipFile, width: int, height: int) -> Iterator[tuple[str, bytes]]:
        """The tiles of Deep Zoom under their canonical URIs (Image API 2.1 and 3.0, 4.7), and ``info.json``.

        They are the same tiles; what libvips itself writes for IIIF names some of them twice, and tells no
        viewer of formats other than JPEG.
        """
        levels = ceil(log2(max(width, height, self.size) / self.size))
        places: dict[str, str] = {}
        found = [tile for name in archive.namelist() if (tile := _DEEP_ZOOM.fullmatch(name))]
        for tile in sorted(found, key=lambda tile: int(tile[1])):
            level, column, row = map(int, tile.groups())
            scale = 2 ** (levels - level)
            step = self.size * scale
            left, top = column * step, row * step
            across, down = min(step, width - left), min(step, height - top)
            whole = (across, down) == (width, height)
            region = "full" if whole else f"{left},{top},{across},{down}"
            if whole and scale == 1:
                size = "full" if self.layout == "iiif" else "max"
            else:
                size = f"{ceil(across / scale)}," + ("" if self.layout == "iiif" else f"{ceil(down / scale)}")
            # A region of one column is 1 wide at every scale, and 2.1 tells no height: the largest stays.
            places[f"{NAME}/{region}/{size}/0/default.{extension(self.format)}"] = tile[0]
        for place, name in places.items():
            yield place, archive.read(name)
        told = self._told(width, height, [2**level for level in range(levels + 1)])
        yield f"{NAME}/info.json", json.dumps(told, indent=2).encode()

    def _told(self, width: int, height: int, scales: Sequence[int]) -> dict[str, Any]:
        """``info.json`` (Image API 2.1, 5; 3.0, 5)."""
        version = 2 if self.layout == "iiif" else 3
        address, form = f"{self.base_url.rstrip('/')}/{NAME}", extension(self.format)
        told: dict[str, Any] = {
            "@context": f"http://iiif.io/api/image/{version}/context.json",
            "protocol": "http://iiif.io/api/image",
            "width": width,
            "height": height,
            "sizes": [{"width": ceil(width / scales[-1]), "height": ceil(height / scales[-1])}],
            "tiles": [{"width": self.size, "height": self.size, "scaleFactors": list(scales)}],
        }
        if version == 2:
            offers = {"formats": [form], "qualities": ["default"]}
            return told | {"@id": address, "profile": ["http://iiif.io/api/image/2/level0.json", offers]}
        told |= {"id": address, "type": "ImageService3", "profile": "level0"}
        return told if form == "jpg" else told | {"extraFormats": [form], "preferredFormats": [form]}


OPERATIONS = [Tiles]
