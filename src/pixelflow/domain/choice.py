"""How a file came to be written as it is, where that was left to PixelFlow."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Trial:
    """One file that was made: ``quality`` is absent where it was lossless or the format has none; ``score``
    is its mean SSIM against the picture, absent where it was not looked at."""

    format: str
    bytes: int
    quality: int | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, and among what.

    ``target`` is the SSIM that was looked for; a score below it says that it was out of reach. ``left_out``
    tells of each format that was allowed and not tried why.
    """

    quality: int | None = None
    score: float | None = None
    target: float | None = None
    tried: tuple[Trial, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
