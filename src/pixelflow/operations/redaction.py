"""Making parts of a picture unrecognisable."""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from pixelflow.domain.errors import ImageError
from pixelflow.operations import faces
from pixelflow.operations.base import Context, Length, Operation, pixels
from pixelflow.operations.color import Color
from pixelflow.operations.described import Described
from pixelflow.operations.filters import pixelated
from pixelflow.operations.frames import each_frame, frame_size
from pixelflow.operations.gaussian import blurred
from pixelflow.operations.lengths import Position, distance
from pixelflow.operations.metadata import PREVIEWS
from pixelflow.operations.problems import Contradiction
from pixelflow.operations.resampling import resample
from pixelflow.operations.spellings import spelled
from pixelflow.operations.surface import ready_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyvips

    from pixelflow.operations.faces import Face
    from pixelflow.operations.outline import Outline

MAX_REGIONS = 200
_LEAST_SIDE = 16
"""A region that is thinner, in pixels, is treated as if it were so thick: a line of text stays no text."""
_BLURRED_SIDE = 64
"""Shorter side in pixels at which a region is blurred: nothing finer is left of it."""
_SMOOTH = 40.0
"""Standard deviation in pixels for each time that a pixel of the blur may be repeated: no step of it is
seen."""
_MOST_REPEATED = 4
_MARGIN = 0.2
"""How much of its side is added all around a found face: the detector's box ends at brow and chin."""

Box = tuple[int, int, int, int]


class Region(Described):
    """A box in a picture."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    x: Position
    """Left edge, in pixels or as a percentage of the picture's width."""
    y: Position
    """Top edge, in pixels or as a percentage of the picture's height."""
    width: Length
    """Width, in pixels or as a percentage of the picture's."""
    height: Length
    """Height, in pixels or as a percentage of the picture's."""


def _present(value: object) -> object:
    if value is True and not faces.installed():
        raise ValueError(faces.MISSING)
    return value


class Redact(Operation):
    """Make regions, or all faces, unrecognisable; nothing of them stays in the file's metadata either.

    What a region shows afterwards is made of its own pixels alone. One that reaches beyond the picture is cut
    off there, and one that lies wholly outside is an error, for then something else would stay readable.
    Against a determined reader of text, mode `color` is the one that leaves nothing.
    """

    action = "redact"
    family = "redaction"

    regions: list[Region] = Field(default=[], max_length=MAX_REGIONS)
    """Boxes in pixels or percentages, the same in every frame."""
    faces: Annotated[bool, BeforeValidator(_present)] = False
    """Whether each upright face is a region too, looked for in every frame; needs the extra `faces`."""
    mode: Annotated[Literal["blur", "pixelate", "color"], spelled(pixelate="mosaic", color="fill solid")] = (
        "blur"
    )
    """Blur, squares of one colour, or a colour over all of it."""
    strength: float | None = Field(default=None, ge=0.05, le=1)
    """The blur's standard deviation, or the squares' side, as a part of the region's shorter side; by default
    0.5. Below 0.2 what was there may be recognised."""
    color: Color | None = None
    """The colour of mode `color`, by default black; a transparent one leaves a hole."""
    shape: Annotated[Literal["rectangle", "ellipse"], spelled(rectangle="box", ellipse="oval")] = "rectangle"
    """The whole box, or the ellipse that fits into it."""

    @model_validator(mode="after")
    def _consistent(self) -> Redact:
        if not self.regions and not self.faces:
            raise Contradiction("give regions, or set faces", "regions", "faces")
        if self.mode == "color" and self.strength is not None:
            raise Contradiction("mode 'color' covers all: leave out strength, or mode", "strength", "mode")
        if self.mode != "color" and self.color is not None:
            raise Contradiction(
                f"mode {self.mode!r} has no colour: leave out color, or mode", "color", "mode"
            )
        return self

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        return given.ready_for(self.color or "black") if self.mode == "color" else given

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        boxes = [self._box(number, frame_size(image)) for number in range(len(self.regions))]
        color: list[float] = []
        image = image.copy()
        for field in image.get_fields():
            if field.startswith(PREVIEWS):
                image.remove(field)
        if self.mode == "color":
            image, color = ready_for(image, self.color or "black")
        return each_frame(image, lambda frame: self._redacted(frame, boxes, color))

    def _box(self, number: int, size: tuple[int, int]) -> Box:
        region = self.regions[number]
        left, top = distance(region.x, size[0]), distance(region.y, size[1])
        width, height = pixels(region.width, size[0]), pixels(region.height, size[1])
        box = _inside((left, top, left + width, top + height), size)
        if box is None:
            raise ImageError(
                "invalid",
                f"region {number + 1}, {width} × {height} pixels at {left}, {top}, is wholly outside the "
                f"picture of {size[0]} × {size[1]} pixels",
            )
        return box

    def _redacted(self, frame: pyvips.Image, boxes: list[Box], color: list[float]) -> pyvips.Image:
        size = frame.width, frame.height
        if self.faces:
            around = (_inside(_around(face, size), size) for face in faces.found(frame, closely=True))
            boxes = [*boxes, *(box for box in around if box)]
        patches = [(left, top, self._patch(frame, *box, color)) for box in boxes for left, top in [box[:2]]]
        made = frame.copy()
        for left, top, patch in patches:
            made = made.insert(patch, left, top)
        return made

    def _patch(
        self, frame: pyvips.Image, left: int, top: int, right: int, bottom: int, color: list[float]
    ) -> pyvips.Image:
        part = frame.crop(left, top, right - left, bottom - top)
        size = max(_LEAST_SIDE, min(part.width, part.height)) * (self.strength or 0.5)
        if self.mode == "color":
            patch = part.new_from_image(color).copy(interpretation=part.interpretation)
        elif self.mode == "pixelate":
            patch = pixelated(part, max(2, round(size)))
        else:
            patch = _blurred(part, size)
        if self.shape == "ellipse":
            patch = _ellipse(part.width, part.height).ifthenelse(patch, part)
        return patch.copy_memory()


def _inside(box: Box, size: tuple[int, int]) -> Box | None:
    """What of a box, its four edges in pixels, lies within a picture of this size; None if nothing does."""
    left, top = max(0, box[0]), max(0, box[1])
    right, bottom = min(size[0], box[2]), min(size[1], box[3])
    return (left, top, right, bottom) if left < right and top < bottom else None


def _around(face: Face, size: tuple[int, int]) -> Box:
    across, down = face.width * _MARGIN, face.height * _MARGIN
    return (
        floor((face.x - across) * size[0]),
        floor((face.y - down) * size[1]),
        ceil((face.x + face.width + across) * size[0]),
        ceil((face.y + face.height + down) * size[1]),
    )


def _blurred(part: pyvips.Image, sigma: float) -> pyvips.Image:
    """With this standard deviation in pixels; a large part is blurred where it is small."""
    scale = min(1.0, _BLURRED_SIDE / min(part.width, part.height))
    small = resample(part, max(1, round(part.width * scale)), max(1, round(part.height * scale)))
    by = max(1, min(_MOST_REPEATED, floor(sigma / _SMOOTH)))
    large = resample(
        blurred(small, sigma * scale).copy_memory(), ceil(part.width / by), ceil(part.height / by), "linear"
    )
    return large.zoom(by, by).crop(0, 0, part.width, part.height)


def _ellipse(width: int, height: int) -> pyvips.Image:
    """255 for each pixel that the ellipse touches: none is mixed with what was there."""
    import pyvips

    across, down = (width + 1.5) / 2, (height + 1.5) / 2
    place = pyvips.Image.xyz(width, height).linear(
        [1 / across, 1 / down], [(1 - width) / 2 / across, (1 - height) / 2 / down]
    )
    squares = place * place
    return (squares[0] + squares[1]) <= 1


OPERATIONS = [Redact]
