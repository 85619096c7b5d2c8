"""A picture in a few bytes: a blur to show before it, its colours, a hash to find it again.

All look at the first frame of an animation.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from pixelflow.operations.base import Context, Operation
from pixelflow.operations.frames import first_frame
from pixelflow.operations.placeholders import blurhash, thumbhash
from pixelflow.operations.resampling import resample

if TYPE_CHECKING:
    import numpy as np
    import pyvips
    from PIL.Image import Image as PillowImage

    Array = np.ndarray[Any, np.dtype[Any]]

_BLUR_SIDE = 64
"""Longer side in pixels of what a blur is computed from; nothing finer gets into a hash."""
_THUMB_SIDE = 100
_PALETTE_SIDE = 128
_SETTLED = 128
"""The palette's colours are found when no more pixels than this change from one to another."""
_HASH_SIDE = 8
_HASHED_SIDE = 32
_STRIP = 16
"""Rows that are turned to grey at once: they fit into the processor's cache."""
_SOLID = 128
"""Alpha from which on a pixel's colour counts."""


class Blurhash(Operation):
    """Make the BlurHash, a string of some 28 letters that clients draw as a blur.

    Transparent parts lie on white.
    """

    action = "blurhash"
    family = "fingerprints"
    streams = True
    produces: ClassVar[Literal["image", "json"]] = "json"

    x_components: int = Field(default=4, ge=1, le=9)
    """Waves across; more show more, and make the string longer."""
    y_components: int = Field(default=3, ge=1, le=9)
    """Waves down."""

    def shrink(self, width: int, height: int) -> float:
        return max(1.0, max(width, height) / _BLUR_SIDE)

    def apply(self, image: pyvips.Image, context: Context) -> dict[str, Any]:
        small = _on_white(_small(image, _BLUR_SIDE))
        return {"blurhash": blurhash(_array(small), self.x_components, self.y_components)}


class Thumbhash(Operation):
    """Make the ThumbHash in base64: some 25 bytes that clients draw as a blur, with its shape and alpha."""

    action = "thumbhash"
    family = "fingerprints"
    streams = True
    produces: ClassVar[Literal["image", "json"]] = "json"

    def shrink(self, width: int, height: int) -> float:
        return max(1.0, max(width, height) / _THUMB_SIDE)

    def apply(self, image: pyvips.Image, context: Context) -> dict[str, Any]:
        small = _small(image, _THUMB_SIDE)
        pixels = _array(small if small.hasalpha() else small.addalpha())
        return {"thumbhash": b64encode(thumbhash(pixels)).decode()}


class Palette(Operation):
    """Find the dominant colours and the average, as `#rrggbb`; what is transparent does not count.

    ``colors`` come with the share of the pixels that are nearest to each, 0–1, the largest first, which is
    ``dominant`` too; of a wholly transparent picture there are none.
    """

    action = "palette"
    family = "fingerprints"
    streams = True
    produces: ClassVar[Literal["image", "json"]] = "json"

    colors: int = Field(default=5, ge=1, le=64)
    """How many at most; a picture of fewer colours gives those."""

    def shrink(self, width: int, height: int) -> float:
        return max(1.0, max(width, height) / _PALETTE_SIDE)

    def apply(self, image: pyvips.Image, context: Context) -> dict[str, Any]:
        pixels = _array(_small(image, _PALETTE_SIDE)).reshape(-1, 4 if image.hasalpha() else 3)
        solid = pixels[pixels[:, 3] >= _SOLID][:, :3] if image.hasalpha() else pixels
        if not len(solid):
            return {"average": None, "dominant": None, "colors": []}
        found = _clusters(solid, self.colors)
        return {
            "average": _hex(solid.mean(0)),
            "dominant": found[0]["color"],
            "colors": found,
        }


class Phash(Operation):
    """Make a perceptual hash: 64 bits as 16 hexadecimal digits, of which similar pictures differ in few.

    As `imagehash.phash` does it: luma (Rec. 601), 32 × 32 pixels by Lanczos, the type II discrete cosine
    transform, of its 8 × 8 lowest frequencies those above their median, row by row. Transparent parts lie
    on white. Compare two by counting the bits that differ: up to 10 is most likely the same picture.
    """

    action = "phash"
    family = "fingerprints"
    streams = True
    produces: ClassVar[Literal["image", "json"]] = "json"

    def apply(self, image: pyvips.Image, context: Context) -> dict[str, Any]:
        import numpy as np
        from PIL import Image

        luma = _luma(_on_white(_eight_bit(first_frame(image))))
        small = np.asarray(luma.resize((_HASHED_SIDE, _HASHED_SIDE), Image.Resampling.LANCZOS), float)
        place = np.arange(_HASHED_SIDE)
        waves = 2 * np.cos(np.pi * np.outer(place[:_HASH_SIDE], 2 * place + 1) / (2 * _HASHED_SIDE))
        # What rounding leaves of a wave that is not there must not decide a bit.
        low = (waves @ small @ waves.T).round(6)
        # numpy's own median would load a module, which a sealed process cannot.
        median = np.sort(low, axis=None)[low.size // 2 - 1 : low.size // 2 + 1].mean()
        bits = "".join("1" if above else "0" for above in (low > median).flat)
        return {"phash": f"{int(bits, 2):0{_HASH_SIDE * _HASH_SIDE // 4}x}"}


def _luma(still: pyvips.Image) -> PillowImage:
    """Grey in Pillow's own rounding, without all colours of all pixels in memory."""
    import pyvips
    from PIL import Image

    width, height = still.width, still.height
    region, grey = pyvips.Region.new(still), Image.new("L", (width, height))
    for top in range(0, height, _STRIP):
        rows = min(_STRIP, height - top)
        data = region.fetch(0, top, width, rows)
        grey.paste(Image.frombuffer("RGB", (width, rows), data, "raw", "RGB", 0, 1).convert("L"), (0, top))
    return grey


def _small(image: pyvips.Image, side: int) -> pyvips.Image:
    """The first frame in 8-bit sRGB, its longer side at most this many pixels."""
    still = _eight_bit(first_frame(image))
    scale = side / max(still.width, still.height)
    if scale >= 1:
        return still
    return resample(still, max(1, round(still.width * scale)), max(1, round(still.height * scale)))


def _eight_bit(still: pyvips.Image) -> pyvips.Image:
    return still if still.interpretation == "srgb" else still.colourspace("srgb")


def _on_white(still: pyvips.Image) -> pyvips.Image:
    return still.flatten(background=[255, 255, 255]) if still.hasalpha() else still


def _array(still: pyvips.Image) -> Array:
    import numpy as np

    return np.frombuffer(still.write_to_memory(), np.uint8).reshape(still.height, still.width, still.bands)


def _clusters(pixels: Array, most: int) -> list[dict[str, Any]]:
    """Colours in the middle of their pixels, found by k-means from a median cut, and each one's share."""
    import numpy as np
    from PIL import Image

    row = Image.fromarray(np.ascontiguousarray(pixels[None]))
    cut = row.quantize(most, Image.Quantize.MEDIANCUT, kmeans=_SETTLED)
    which = np.asarray(cut).reshape(-1)
    counts = np.bincount(which)
    order = sorted(np.flatnonzero(counts), key=lambda index: -int(counts[index]))
    return [
        {
            "color": _hex(pixels[which == index].mean(0)),
            "share": round(float(counts[index] / len(pixels)), 4),
        }
        for index in order
    ]


def _hex(color: Array) -> str:
    red, green, blue = (int(value + 0.5) for value in color)
    return f"#{red:02x}{green:02x}{blue:02x}"


OPERATIONS = [Blurhash, Thumbhash, Palette, Phash]
