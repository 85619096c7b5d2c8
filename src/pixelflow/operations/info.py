"""What a picture is, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pixelflow.operations.base import Context, Operation
from pixelflow.operations.frames import first_frame, frame_size
from pixelflow.operations.surface import has_color

if TYPE_CHECKING:
    import pyvips

_FOCUS_SIDE = 2
"""The attention point is the middle of what is kept; a crop to half shows it well."""


class Info(Operation):
    """Tell what the picture is: size in pixels, format, frames, depth in bits, alpha, EXIF, ICC and more.

    After other steps the size, channels, alpha, depth and colour space are their result's, and everything
    else is the source file's. Entropy is in bits, of the histogram of greys; the focal point is what draws
    the eye, as fractions of the sides.
    """

    action = "info"
    family = "metadata"
    produces: ClassVar[Literal["image", "json"]] = "json"

    def apply(self, image: pyvips.Image, context: Context) -> dict[str, Any]:
        width, height = context.size if context.size[0] else frame_size(image)
        still = first_frame(image.copy_memory())
        grey = still.colourspace("b-w")[0] if has_color(still) or still.format != "uchar" else still[0]
        file = {"frames": image.height // image.get_page_height()} | dict(context.facts)
        given = {
            "depth": 16 if image.format == "ushort" else 8,
            "channels": image.bands,
            "alpha": bool(image.hasalpha()),
            "space": str(image.interpretation),
        }
        # Of the source as it came the file knows more than what was decoded for the steps, which is in sRGB.
        return {
            **(given | file if context.original else file | given),
            "width": width,
            "height": height,
            "entropy": round(grey.hist_find().hist_entropy(), 4),
            "focal_point": _focal_point(still),
        }


def _focal_point(still: pyvips.Image) -> dict[str, float]:
    box = max(1, still.width // _FOCUS_SIDE), max(1, still.height // _FOCUS_SIDE)
    _, found = still.smartcrop(*box, interesting="attention", attention_x=True, attention_y=True)
    return {
        "x": round(min(1.0, found["attention_x"] / still.width), 4),
        "y": round(min(1.0, found["attention_y"] / still.height), 4),
    }


OPERATIONS = [Info]
