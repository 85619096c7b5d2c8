"""What lies over a whole picture like light: grain, shade, a fading colour; alpha stays."""

from __future__ import annotations

from math import cos, radians, sin
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from pixelflow.operations.base import Context, Operation
from pixelflow.operations.color import Color, rgba
from pixelflow.operations.colors import rounded
from pixelflow.operations.frames import each_frame
from pixelflow.operations.problems import Contradiction
from pixelflow.operations.spellings import spelled
from pixelflow.operations.surface import ceiling, colored, with_alpha_apart

if TYPE_CHECKING:
    import pyvips

Direction = Annotated[
    Literal["down", "left", "up", "right"] | Annotated[float, Field(ge=-360, le=360)],
    spelled(down="to_bottom bottom south", left="to_left west", up="to_top top north", right="to_right east"),
]
_DEGREES = {"down": 0.0, "left": 90.0, "up": 180.0, "right": 270.0}


class Noise(Operation):
    """Add grain: Gaussian noise, the same in all colour channels and in every frame of an animation."""

    action = "noise"
    family = "light"
    streams = True

    amount: float = Field(default=0.1, ge=0, le=1)
    """The standard deviation as a fraction of white: 0.02 is fine grain, 0.1 is plain to see."""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    """The same seed gives the same grain on a picture of the same size."""

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        import pyvips

        def grained(colors: pyvips.Image) -> pyvips.Image:
            sigma = self.amount * ceiling(colors)
            grain = pyvips.Image.gaussnoise(colors.width, colors.height, mean=0, sigma=sigma, seed=self.seed)
            return _like(colors, colors + grain)

        return each_frame(image, lambda frame: with_alpha_apart(frame, grained))


class Vignette(Operation):
    """Darken towards the corners."""

    action = "vignette"
    family = "light"
    streams = True

    strength: float = Field(default=0.5, ge=0, le=1)
    """What the corners lose: 0 is nothing, 1 makes them black. The shade grows with the fourth power of the
    distance from the middle, so that the middles of the sides lose a quarter of it."""

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        def shaded(colors: pyvips.Image) -> pyvips.Image:
            across = _ramp(colors.width, -1, 1)
            down = _ramp(colors.height, -1, 1)
            squared = _plane(across * across * 0.5, down * down * 0.5)
            return _like(colors, colors * (1 - squared * squared * self.strength))

        return each_frame(image, lambda frame: with_alpha_apart(frame, shaded))


class Gradient(Operation):
    """Lay a colour over that fades in from nothing; what is transparent stays so."""

    action = "gradient"
    family = "light"
    streams = True

    color: Color = "black"
    """The colour; its alpha, if any, counts with the opacity."""
    opacity: float = Field(default=1, ge=0, le=1)
    """How opaque the colour is where it is fullest."""
    direction: Direction = "down"
    """Where to it grows: a side, or degrees clockwise from `down`, where 90 is `left`."""
    start: float = Field(default=0, ge=0, le=1)
    """Where it begins, as a fraction of the way through the picture; before it nothing changes."""
    stop: float = Field(default=1, ge=0, le=1)
    """Where it is fullest; at the same place as start the colour has a hard edge."""

    @model_validator(mode="after")
    def _consistent(self) -> Gradient:
        if self.start > self.stop:
            raise Contradiction("start is not after stop: turn the direction around", "start", "stop")
        return self

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        red, green, blue, alpha = rgba(self.color)
        opacity = self.opacity * alpha / 255
        grey = red == green == blue

        def covered(colors: pyvips.Image) -> pyvips.Image:
            cover = self._cover(colors.width, colors.height) * opacity
            scale = ceiling(colors) / 255
            color = [part * scale for part in (red, green, blue)[: colors.bands]]
            return _like(colors, colors * (1 - cover) + cover * color)

        image = image if grey else colored(image)
        return each_frame(image, lambda frame: with_alpha_apart(frame, covered))

    def _cover(self, width: int, height: int) -> pyvips.Image:
        """How much of the colour shows at each pixel, 0–1 from corner to corner as CSS has it."""
        turn = radians(_DEGREES[self.direction] if isinstance(self.direction, str) else self.direction)
        right, down = -sin(turn), cos(turn)
        reach = width * abs(right) + height * abs(down)
        way = _plane(
            _ramp(width, -width, width) * (right / reach / 2),
            _ramp(height, -height, height) * (down / reach / 2),
        )
        spread = max(self.stop - self.start, 1e-6)
        cover = (way + (0.5 - self.start)) / spread
        cover = (cover > 0).ifthenelse(cover, 0)
        return (cover < 1).ifthenelse(cover, 1)


def _ramp(length: int, first: float, last: float) -> pyvips.Image:
    """A line of pixels whose middles lie evenly between two values at its ends."""
    import pyvips

    step = (last - first) / length
    return pyvips.Image.xyz(length, 1)[0] * step + (first + step / 2)


def _plane(across: pyvips.Image, down: pyvips.Image) -> pyvips.Image:
    """The sum of a line for the columns and a line for the rows, at every pixel."""
    width, height = across.width, down.width
    across, down = across.cast("float"), down.cast("float").rot90()
    return across.embed(0, 0, width, height, extend="copy") + down.embed(0, 0, width, height, extend="copy")


def _like(colors: pyvips.Image, values: pyvips.Image) -> pyvips.Image:
    """Fractions rounded to the depth and in the colour space of ``colors``."""
    return rounded(values, colors.format).copy(interpretation=colors.interpretation)


OPERATIONS = [Noise, Vignette, Gradient]
