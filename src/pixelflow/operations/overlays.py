"""Pictures laid over a picture."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from pydantic import ConfigDict, Field, model_validator

from pixelflow.domain.errors import ImageError
from pixelflow.operations.base import Context, Length, Operation, pixels
from pixelflow.operations.described import Described
from pixelflow.operations.frames import first_frame, frame_size
from pixelflow.operations.gravity import Gravity
from pixelflow.operations.layers import MAX_LAYER_PIXELS, Blend, Placement, Tile, laid_over
from pixelflow.operations.lengths import Extent, Position
from pixelflow.operations.orientation import turned
from pixelflow.operations.problems import Contradiction
from pixelflow.operations.references import Reference
from pixelflow.operations.resampling import resample

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyvips

    from pixelflow.operations.outline import Outline

MAX_LAYERS = 20
"""Layers of one step."""


class Watermark(Operation):
    """Lay a picture over, once or as a pattern.

    What sticks out is cut off. Of an animation the first frame is laid over.
    """

    action = "watermark"
    family = "overlays"

    image: Reference
    """The id of an asset, `step:` and the id of another step, `job:` and that of an earlier job for the
    picture that it was given, or `source` for this job's own."""
    gravity: Gravity = "south_east"
    """Where it lies; with `tile`, where one of its copies lies."""
    x: Position = 0
    """Pixels or a percentage of the picture's width, from the gravity's edge inward, else to the right."""
    y: Position = 0
    """Pixels or a percentage of the picture's height, from the gravity's edge inward, else down."""
    scale: float = Field(default=0.2, gt=0, le=10)
    """Its width as a fraction of the picture's; it stays within the picture's height up to a scale of 1."""
    width: Length | None = None
    """Instead of scale: its width in pixels, or as a percentage of the picture's."""
    height: Length | None = None
    """Instead of scale: its height, as its width is given; with both it fits that box."""
    opacity: float = Field(default=1, ge=0, le=1)
    """1 is as opaque as it is itself, 0 is not seen."""
    tile: Tile = "none"
    """`grid` repeats it all over, `chess` leaves every other place empty."""
    spacing: Extent = 0
    """Room between the copies of a pattern, in pixels or as a percentage of the picture's side."""
    rotate: float = Field(default=0, ge=-360, le=360)
    """Degrees clockwise."""
    blend: Blend = "over"
    """How its colours mix with those below (W3C Compositing and Blending Level 1)."""
    margin: Extent = 0
    """Room between it and the gravity's edges, in pixels or as a percentage of the picture's side."""
    min_size: int = Field(default=0, ge=0, le=65535)
    """A picture whose shorter side has fewer pixels gets none."""

    @model_validator(mode="after")
    def _consistent(self) -> Watermark:
        if "scale" in self.model_fields_set and (self.width is not None or self.height is not None):
            raise Contradiction("scale, or width and height: give one of them", "scale", "width", "height")
        if self.tile == "none" and self.spacing != 0:
            raise Contradiction(
                "spacing is between copies: set tile to grid or chess, or leave it out", "spacing"
            )
        return self

    def needs(self) -> frozenset[str]:
        return frozenset({self.image})

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        return _laid_over(given, cut=self.blend == "xor")

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        picture = frame_size(image)
        if min(picture) < self.min_size:
            return image
        mark = _found(self.image, context)
        mark = _shaped(mark, self.mark_size(picture, (mark.width, mark.height)), self.rotate, context)
        placement = Placement(
            gravity=self.gravity,
            x=self.x,
            y=self.y,
            margin=self.margin,
            tile=self.tile,
            spacing=self.spacing,
            opacity=self.opacity,
            blend=self.blend,
        )
        return laid_over(image, mark, placement)

    def mark_size(self, picture: tuple[int, int], mark: tuple[int, int]) -> tuple[int, int]:
        """Its size before it is turned, in pixels."""
        if self.width is None and self.height is None:
            by = picture[0] * self.scale / mark[0]
            if self.scale <= 1:
                by = min(by, picture[1] / mark[1])
            return max(1, round(mark[0] * by)), max(1, round(mark[1] * by))
        return _fitted(self.width, self.height, picture, mark)


class Layer(Described):
    """A picture that is laid over; what sticks out is cut off."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    image: Reference
    """The id of an asset, `step:` and the id of another step, `job:` and that of an earlier job for the
    picture that it was given, or `source` for this job's own."""
    blend: Blend = "over"
    """How its colours mix with those below (W3C Compositing and Blending Level 1)."""
    opacity: float = Field(default=1, ge=0, le=1)
    """1 is as opaque as it is itself, 0 is not seen."""
    gravity: Gravity = "center"
    """Where it lies."""
    x: Position = 0
    """Pixels or a percentage of the picture's width, from the gravity's edge inward, else to the right."""
    y: Position = 0
    """Pixels or a percentage of the picture's height, from the gravity's edge inward, else down."""
    width: Length | None = None
    """Its width in pixels, or as a percentage of the picture's; by default its own."""
    height: Length | None = None
    """Its height, as its width is given; with both it fits that box."""
    rotate: float = Field(default=0, ge=-360, le=360)
    """Degrees clockwise, after its size was set."""

    def over(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        """The image with this layer on top."""
        layer = _found(self.image, context)
        size = layer.width, layer.height
        if self.width is not None or self.height is not None:
            size = _fitted(self.width, self.height, frame_size(image), size)
        layer = _shaped(layer, size, self.rotate, context)
        placement = Placement(
            gravity=self.gravity, x=self.x, y=self.y, opacity=self.opacity, blend=self.blend
        )
        return laid_over(image, layer, placement)


class Composite(Operation):
    """Lay pictures over, one on the other; of an animation the first frame is laid over.

    The picture keeps its size and its depth: a layer that is larger is cut off.
    """

    action = "composite"
    family = "overlays"
    refers_in = "layers"

    layers: Annotated[tuple[Layer, ...], Field(strict=False, min_length=1, max_length=MAX_LAYERS)]
    """From the lowest to the topmost."""

    def needs(self) -> frozenset[str]:
        return frozenset(layer.image for layer in self.layers)

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        return _laid_over(given, cut=any(layer.blend == "xor" for layer in self.layers))

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        for layer in self.layers:
            image = layer.over(image, context)
        return image


def _laid_over(given: Outline, *, cut: bool) -> Outline:
    """With colour, as layers may have; what cuts through has alpha, or none where it lies out of sight."""
    made = replace(given, color=True)
    return made.or_else(replace(made, alpha=True)) if cut else made


def _found(reference: str, context: Context) -> pyvips.Image:
    if reference not in context.assets:
        raise ImageError("invalid", f"there is no picture {reference!r}", step=context.step)
    return first_frame(context.assets[reference])


def _fitted(
    width: int | str | None, height: int | str | None, picture: tuple[int, int], layer: tuple[int, int]
) -> tuple[int, int]:
    """The size in pixels of a layer that is to be so wide, so high, or to fit that box."""
    wanted = ((width, picture[0], layer[0]), (height, picture[1], layer[1]))
    by = min(pixels(length, side) / own for length, side, own in wanted if length is not None)
    return max(1, round(layer[0] * by)), max(1, round(layer[1] * by))


def _shaped(layer: pyvips.Image, size: tuple[int, int], angle: float, context: Context) -> pyvips.Image:
    """The layer at this size in pixels, turned, with alpha."""
    if size[0] * size[1] > MAX_LAYER_PIXELS:
        sides = f"{size[0]:,} × {size[1]:,}"
        message = f"what is laid over would have {sides} pixels, of {MAX_LAYER_PIXELS:,} at most"
        raise ImageError("invalid", message, step=context.step)
    layer = resample(layer, *size)
    layer = layer if layer.hasalpha() else layer.addalpha()
    if angle % 360:
        layer = turned(layer.copy_memory(), angle % 360, [0.0] * layer.bands)
    return layer


OPERATIONS = [Watermark, Composite]
