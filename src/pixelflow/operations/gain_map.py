"""What an Ultra HDR JPEG has beside its picture: how much brighter each part is on a screen that can show it.

Source: ISO 21496-1, and Google's Ultra HDR Image Format. libvips holds it as a small JPEG in a field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pixelflow.operations.resampling import resample

if TYPE_CHECKING:
    import pyvips

    from pixelflow.operations.base import Context, Operation

FIELDS = "gainmap"
"""How its fields begin; the one called so holds it decoded, which is what is written."""
_DATA = "gainmap-data"
_MOVES_NOTHING = frozenset({"metadata", "animation"})
"""Families whose operations leave every pixel where it was."""


def carried(image: pyvips.Image) -> bool:
    """Whether the picture has one."""
    return bool(image.get_typeof(FIELDS))


def opened(image: pyvips.Image, most: tuple[int, int]) -> pyvips.Image | None:
    """A picture as its loader made it, in memory, with its gain map decoded.

    ``None`` without one, and for one of more pixels on a side than ``most``. Raises pyvips.Error.
    """
    import pyvips

    if not image.get_typeof(_DATA):
        return None
    small = pyvips.Image.jpegload_buffer(bytes(image.get(_DATA)))
    if small.width > most[0] or small.height > most[1]:
        return None
    # Decoded here: where libvips 8.18.7 decodes it to write it, it reads from what it has let go of.
    return _with(image.copy_memory(), small)


def dropped(image: pyvips.Image) -> pyvips.Image:
    """The picture without it."""
    image = image.copy()
    for name in image.get_fields():
        if name.startswith(FIELDS):
            image.remove(name)
    return image


def followed(operation: Operation, given: pyvips.Image, made: pyvips.Image, context: Context) -> pyvips.Image:
    """What an operation made of a picture, with the gain map moved as it moved the pixels.

    It goes with whatever changes colours: it would no longer belong to them.
    """
    if not carried(made):
        return made
    if not operation.leaves_colors:
        return dropped(made)
    if operation.family in _MOVES_NOTHING:
        return made
    small = made.get(FIELDS)
    across, down = small.width / given.width, small.height / given.height
    large = resample(small, given.width, given.height, "linear").copy_memory()
    moved = operation.apply(large, context)
    width, height = max(1, round(made.width * across)), max(1, round(made.height * down))
    return _with(made, resample(moved, min(width, made.width), min(height, made.height)))


def fitted(image: pyvips.Image) -> pyvips.Image:
    """The picture with a gain map of no more pixels than its own."""
    if not carried(image) or image.get(FIELDS).width <= image.width:
        return image
    return _with(image, resample(image.get(FIELDS), image.width, image.height))


def upright(image: pyvips.Image, orientation: int) -> pyvips.Image:
    """The picture with its gain map turned as EXIF's orientation says."""
    import pyvips

    if not carried(image):
        return image
    small = image.get(FIELDS).copy()
    small.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return _with(image, small.autorot())


def _with(image: pyvips.Image, small: pyvips.Image) -> pyvips.Image:
    import pyvips

    image = image.copy()
    image.set_type(pyvips.GValue.image_type, FIELDS, small.copy_memory())
    return image
