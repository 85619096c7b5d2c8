"""Where in a picture: the names of places, focal points, and what draws the eye."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from pixelflow.operations import faces
from pixelflow.operations.described import Described
from pixelflow.operations.spellings import spelled

if TYPE_CHECKING:
    import pyvips

PLACES = {
    "center": (0.5, 0.5),
    "north": (0.5, 0.0),
    "north_east": (1.0, 0.0),
    "east": (1.0, 0.5),
    "south_east": (1.0, 1.0),
    "south": (0.5, 1.0),
    "south_west": (0.0, 1.0),
    "west": (0.0, 0.5),
    "north_west": (0.0, 0.0),
}
"""Each place as fractions of the room to its left and above it."""

_OTHERS = spelled(
    north_east="noea northeast ne top_right topright right_top",
    south_east="soea southeast se bottom_right bottomright right_bottom",
    south_west="sowe southwest sw bottom_left bottomleft left_bottom",
    north_west="nowe northwest nw top_left topleft left_top",
    north="no n top",
    south="so s bottom",
    east="ea e right",
    west="we w left",
    center="ce c centre middle centered",
    attention="sm smart",
    face="faces",
)


def _findable(value: object) -> object:
    if value == "face" and not faces.installed():
        raise ValueError(f"{faces.MISSING}; or use 'attention' or a focal point {{x, y}}")
    return value


class FocalPoint(Described):
    """A point as fractions of the picture's width and height."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    x: float = Field(ge=0, le=1)
    """0 is the left edge, 1 the right one."""
    y: float = Field(ge=0, le=1)
    """0 is the top edge, 1 the bottom one."""


Place = Literal[
    "center", "north", "north_east", "east", "south_east", "south", "south_west", "west", "north_west"
]
Interest = Literal[
    "center",
    "north",
    "north_east",
    "east",
    "south_east",
    "south",
    "south_west",
    "west",
    "north_west",
    "attention",
    "entropy",
    "face",
]
Gravity = Annotated[Place, _OTHERS]
"""One of nine places."""
Focus = Annotated[Interest | FocalPoint, BeforeValidator(_findable), _OTHERS]
"""One of nine places, what draws the eye, the faces (without any, what draws the eye), or a focal point."""


def searches(focus: str | FocalPoint) -> bool:
    """Whether pixels are looked at to find it."""
    return isinstance(focus, str) and focus not in PLACES


def offset(room_x: int, room_y: int, gravity: str) -> tuple[int, int]:
    """Left and top in pixels of what is placed with this much room around it; negative is an overhang."""
    across, down = PLACES[gravity]
    return int(room_x * across), int(room_y * down)


def window(
    whole: tuple[int, int], box: tuple[int, int], focus: str | FocalPoint, look: pyvips.Image
) -> tuple[int, int]:
    """Left and top in pixels of a box wholly inside a picture of the size ``whole``.

    ``look`` is the picture, or its first frame, at any scale; it is read only to find what draws the eye.
    """
    room_x, room_y = whole[0] - box[0], whole[1] - box[1]
    if isinstance(focus, str) and focus in PLACES:
        return offset(room_x, room_y, focus)
    point = (focus.x, focus.y) if isinstance(focus, FocalPoint) else None
    if focus == "face":
        focus = "attention"
        point = faces.focal_point(look, box[0] / whole[0], box[1] / whole[1])
    if point is not None:
        left, top = point[0] * whole[0] - box[0] / 2, point[1] * whole[1] - box[1] / 2
    else:
        across, down = look.width / whole[0], look.height / whole[1]
        seen = max(1, min(look.width, round(box[0] * across))), max(1, min(look.height, round(box[1] * down)))
        found = look.smartcrop(*seen, interesting=focus)
        left, top = -found.xoffset / across, -found.yoffset / down
    return max(0, min(int(left + 0.5), room_x)), max(0, min(int(top + 0.5), room_y))
