"""Changing the size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import gcd
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from pixelflow.operations.base import Context, Length, Operation, pixels
from pixelflow.operations.color import Backdrop
from pixelflow.operations.frames import each_frame, first_frame, frame_size
from pixelflow.operations.gravity import PLACES, Focus, offset, searches, window
from pixelflow.operations.problems import Contradiction
from pixelflow.operations.resampling import Kernel, resample
from pixelflow.operations.spellings import spelled
from pixelflow.operations.surface import on_canvas

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyvips

    from pixelflow.operations.outline import Outline

Fit = Annotated[
    Literal["inside", "cover", "cover_down", "contain", "fill", "outside", "auto"],
    spelled(
        inside="fit fit_in limit clip",
        cover="lfill",
        cover_down="fill_down",
        contain="pad letterbox",
        fill="stretch force scale exact distort",
    ),
]


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a picture, in pixels: scaled to a size, then cut or set on a canvas."""

    scaled: tuple[int, int]
    cut: tuple[int, int] | None = None
    canvas: tuple[int, int] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """The result's size."""
        return self.cut or self.canvas or self.scaled


class Resize(Operation):
    """Change the size, given one side or a box to fit, fill or cover."""

    action = "resize"
    family = "resizing"
    streams = True

    width: Length | None = None
    """Width in pixels, or as a percentage of the picture's; left out, it follows the height."""
    height: Length | None = None
    """Height in pixels, or as a percentage of the picture's; left out, it follows the width."""
    fit: Fit = "inside"
    """How the picture meets a box that has both sides. `inside`: whole and no larger than the box. `cover`:
    fills the box, the rest is cut away. `cover_down`: the same, and a picture that is too small is cut to the
    box's aspect ratio. `contain`: whole, on a canvas of exactly the box. `fill`: exactly the box, distorted.
    `outside`: whole and no smaller than the box. `auto`: `cover` if picture and box are both upright or both
    lying, else `inside`."""
    gravity: Focus = "center"
    """What `cover` keeps, or where on its canvas `contain` puts the picture; `face` needs the extra
    `faces`."""
    enlarge: bool = False
    """Whether a picture smaller than the box grows."""
    dpr: float = Field(default=1, ge=0.1, le=8)
    """Pixels of the device for each pixel asked for."""
    kernel: Kernel = "lanczos3"
    """How pixels are weighed against their neighbours; what grows, grows by `nearest`, by `linear`, or, with
    all others, by Catmull and Rom's cubic."""
    background: Backdrop = "transparent"
    """The canvas of `contain`: a colour, `auto` (the picture's edge) or `blur` (the picture, blurred)."""
    linear: bool = False
    """Average light instead of encoded values: slower, truer in fine bright detail."""

    @model_validator(mode="after")
    def _consistent(self) -> Resize:
        if self.width is None and self.height is None:
            raise Contradiction("give a width, a height or both", "width")
        if self.fit == "contain" and not (isinstance(self.gravity, str) and self.gravity in PLACES):
            raise Contradiction(
                "with fit 'contain' nothing is cut, so gravity is one of the nine places", "gravity", "fit"
            )
        return self

    @property
    def leaves_colors(self) -> bool:
        # A canvas has a colour, and what draws the eye is looked for in sRGB.
        return not self.linear and self.fit != "contain" and not searches(self.gravity)

    @property
    def pure_resize(self) -> bool:
        boxed = self.width is not None and self.height is not None
        return not self.enlarge and self._common and (not boxed or self.fit in {"inside", "fill", "outside"})

    @property
    def cuts(self) -> bool:
        return self.fit in {"cover", "cover_down", "auto"}

    def scaled(self, width: int, height: int) -> tuple[int, int] | None:
        scaled = self.plan(width, height).scaled
        if self._seeks_faces:
            return None
        return scaled if self._common and scaled[0] <= width and scaled[1] <= height else None

    def target(self, width: int, height: int) -> tuple[int, int]:
        return self.plan(width, height).size

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        made = given.resized(self.target)
        if (
            self.fit != "contain"
            or self.width is None
            or self.height is None
            or self.background in {"auto", "blur"}
        ):
            return made
        plan = self.plan(*given.size) if given.size else None
        if plan and plan.canvas == plan.scaled:
            return made
        return made.ready_for(self.background) if plan else made.or_else(made.ready_for(self.background))

    def shrink(self, width: int, height: int) -> float:
        if self.linear or self.kernel == "nearest":
            return 1.0
        if self._seeks_faces:
            return 1.0
        scaled = self.plan(width, height).scaled
        found = max(1.0, min(width / scaled[0], height / scaled[1]))
        # Only the common way knows of pixels that are partly filled, where a side was not divisible.
        return found if self._common else min(found, gcd(width, height, 16))

    def plan(self, width: int, height: int) -> Plan:
        """What becomes of a picture of this size."""
        if self.width is None or self.height is None:
            scale = (
                self._side(self.width, width) / width
                if self.width is not None
                else self._side(self.height, height) / height
            )
            return Plan(_scaled(width, height, self._grow(scale)))
        box = self._side(self.width, width), self._side(self.height, height)
        across, down = box[0] / width, box[1] / height
        fit = self.fit
        if fit == "auto":
            fit = "cover" if (width > height) == (box[0] > box[1]) else "inside"
        if fit == "fill":
            return Plan(_scaled(width, height, self._grow(across), self._grow(down)))
        if fit == "outside":
            return Plan(_scaled(width, height, self._grow(max(across, down))))
        if fit == "inside":
            return Plan(_scaled(width, height, self._grow(min(across, down))))
        if fit == "contain":
            return Plan(_scaled(width, height, self._grow(min(across, down))), canvas=box)
        scaled = _scaled(width, height, self._grow(max(across, down)))
        cut = min(box[0], scaled[0]), min(box[1], scaled[1])
        if fit == "cover_down" and cut != box:
            cut = _scaled(*box, min(scaled[0] / box[0], scaled[1] / box[1]))
        return Plan(scaled, cut=cut)

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        plan = self.plan(*(context.size if context.size[0] else frame_size(image)))
        if plan.cut and plan.cut != plan.scaled:
            return self._cut(image, plan.scaled, plan.cut)
        scaled = each_frame(image, lambda frame: self._resampled(frame, plan.scaled))
        if plan.canvas and plan.canvas != plan.scaled:
            assert isinstance(self.gravity, str)
            room = plan.canvas[0] - plan.scaled[0], plan.canvas[1] - plan.scaled[1]
            return on_canvas(scaled, *offset(*room, self.gravity), *plan.canvas, self.background)
        return scaled

    def _cut(self, image: pyvips.Image, scaled: tuple[int, int], cut: tuple[int, int]) -> pyvips.Image:
        look = image
        if isinstance(self.gravity, str) and self.gravity not in PLACES:
            # What is looked at is read twice, which a streaming decoder cannot do; the smaller one will do.
            if self._seeks_faces or scaled[0] > image.width or first_frame(image).height != image.height:
                image = image.copy_memory()
                look = first_frame(image)
            else:
                look = image = self._resampled(image, scaled).copy_memory()
        left, top = window(scaled, cut, self.gravity, look)
        return each_frame(image, lambda frame: self._resampled(frame, scaled).crop(left, top, *cut))

    def _resampled(self, frame: pyvips.Image, size: tuple[int, int]) -> pyvips.Image:
        return resample(frame, *size, self.kernel, linear=self.linear)

    @property
    def _seeks_faces(self) -> bool:
        """Whether it looks for faces, which are too small in the result to be found there."""
        return self.gravity == "face" and not self.pure_resize

    @property
    def _common(self) -> bool:
        return self.kernel == "lanczos3" and not self.linear

    def _side(self, length: int | str | None, side: int) -> int:
        assert length is not None
        return max(1, int(pixels(length, side) * self.dpr + 0.5))

    def _grow(self, scale: float) -> float:
        return scale if self.enlarge else min(1.0, scale)


class Thumbnail(Operation):
    """Fit inside a box, never enlarging."""

    action = "thumbnail"
    family = "resizing"
    streams = True

    width: Length | None = None
    """Largest width in pixels, or as a percentage of the picture's."""
    height: Length | None = None
    """Largest height in pixels, or as a percentage of the picture's."""
    gravity: Focus | None = None
    """Given, the picture fills the box and only what lies here is kept; left out, all of it fits inside."""

    @model_validator(mode="after")
    def _consistent(self) -> Thumbnail:
        if self.width is None and self.height is None:
            raise Contradiction("give a width, a height or both", "width")
        return self

    @property
    def leaves_colors(self) -> bool:
        return self.gravity is None or not searches(self.gravity)

    @property
    def pure_resize(self) -> bool:
        return self.gravity is None

    @property
    def cuts(self) -> bool:
        return self.gravity is not None

    def target(self, width: int, height: int) -> tuple[int, int]:
        return self._as_resize.target(width, height)

    def scaled(self, width: int, height: int) -> tuple[int, int] | None:
        return self._as_resize.scaled(width, height)

    def shrink(self, width: int, height: int) -> float:
        return self._as_resize.shrink(width, height)

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        return self._as_resize.apply(image, context)

    @cached_property
    def _as_resize(self) -> Resize:
        return Resize.model_construct(
            width=self.width,
            height=self.height,
            fit="inside" if self.gravity is None else "cover",
            gravity=self.gravity or "center",
        )


class Zoom(Operation):
    """Multiply width and height, each by its own factor."""

    action = "zoom"
    family = "resizing"
    streams = True

    x: float = Field(default=1, gt=0, le=65535)
    """What the width is multiplied by."""
    y: float = Field(default=1, gt=0, le=65535)
    """What the height is multiplied by."""

    @property
    def leaves_colors(self) -> bool:
        return True

    @property
    def pure_resize(self) -> bool:
        return self.x <= 1 and self.y <= 1

    def target(self, width: int, height: int) -> tuple[int, int]:
        return _scaled(width, height, self.x, self.y)

    def shrink(self, width: int, height: int) -> float:
        wanted = self.target(width, height)
        return max(1.0, min(width / wanted[0], height / wanted[1]))

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        wanted = self.target(*(context.size if context.size[0] else frame_size(image)))
        return each_frame(image, lambda frame: resample(frame, *wanted))


def _scaled(width: int, height: int, across: float, down: float | None = None) -> tuple[int, int]:
    down = across if down is None else down
    return max(1, int(width * across + 0.5)), max(1, int(height * down + 0.5))


OPERATIONS = [Resize, Thumbnail, Zoom]
