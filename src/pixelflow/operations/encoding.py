"""How a step's image is written."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from pixelflow.operations.described import Described

DEFAULT_QUALITY = {"jpeg": 80, "webp": 80, "avif": 50}
FULL_CHROMA_QUALITY = 90
"""``chroma: auto`` keeps full chroma from this quality on."""
EFFORT = {"webp": (0, 6, 4), "avif": (0, 9, 4), "png": (1, 10, 7), "gif": (1, 10, 7)}
"""Least, most and default effort."""
ALL_DEPTHS: dict[str, tuple[int, ...]] = {"png": (1, 2, 4, 8, 16), "avif": (8, 10, 12), "tiff": (8, 16)}
"""Bits a channel that a format can be asked for."""
MAX_SIDE = {"webp": 16_383, "jpeg": 65_535, "gif": 65_535}
"""Longest side in pixels that a format has room for."""

_FORMATS_OF = {
    "quality": ("jpeg", "webp", "avif"),
    "lossless": ("webp", "avif"),
    "near_lossless": ("webp",),
    "progressive": ("jpeg", "png"),
    "effort": tuple(EFFORT),
    "chroma": ("jpeg", "avif"),
    "palette": ("png",),
    "bit_depth": tuple(ALL_DEPTHS),
}
_SPELLINGS = {"jpg": "jpeg", "tif": "tiff", "original": "same"}


def _spelled(value: object) -> object:
    return _SPELLINGS.get(value.lower(), value.lower()) if isinstance(value, str) else value


OutputFormat = Annotated[
    Literal["same", "jpeg", "png", "webp", "avif", "gif", "tiff"], BeforeValidator(_spelled)
]


class Encoding(Described):
    """The encoding options that any step which makes an image may carry.

    An option that the named format has no use for is refused; under ``same`` it is passed over where the
    source's format has none, since that is not known in time. JPEG lays transparency on white. JPEG, PNG,
    TIFF and AVIF get the first frame of an animation. What comes out is sRGB or grey, whatever came in,
    unless an ``icc`` step says otherwise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    format: OutputFormat = "same"
    """The file format; ``same`` is the source's."""
    quality: int | None = Field(default=None, ge=1, le=100)
    """Of lossy formats; by default 80 for JPEG and WebP, 50 for AVIF."""
    lossless: bool = False
    """WebP and AVIF without loss."""
    near_lossless: bool = False
    """WebP: lossless after a preprocessing that ``quality`` controls."""
    progressive: bool = False
    """JPEG and PNG that show a coarse picture first."""
    effort: int | None = Field(default=None, ge=0, le=10)
    """How hard to try for a smaller file: 0–6 for WebP, 0–9 for AVIF, 1–10 for PNG and GIF."""
    chroma: Literal["auto", "4:2:0", "4:4:4"] = "auto"
    """Chroma subsampling of JPEG and AVIF; ``auto`` keeps full chroma from quality 90 on."""
    palette: bool = False
    """PNG with at most 256 colours."""
    bit_depth: Literal[1, 2, 4, 8, 10, 12, 16] | None = None
    """Bits a channel: PNG 1, 2, 4, 8 or 16 (below 8: of a palette's index), AVIF 8, 10 or 12, TIFF 8 or 16.
    By default 8, and 16 where a 16-bit picture becomes a PNG or TIFF."""

    @field_validator(*_FORMATS_OF)
    @classmethod
    def _has_a_use(cls, value: Any, info: ValidationInfo) -> Any:
        option, name = str(info.field_name), info.data.get("format", "same")
        if name == "same" or value is None or value is False or value == "auto":
            return value
        if name not in _FORMATS_OF[option]:
            raise ValueError(f"{option} has no meaning for {name}, only for {', '.join(_FORMATS_OF[option])}")
        if option == "effort" and not EFFORT[name][0] <= value <= EFFORT[name][1]:
            raise ValueError(f"effort for {name} is {EFFORT[name][0]} to {EFFORT[name][1]}")
        if option == "bit_depth" and value not in ALL_DEPTHS[name]:
            raise ValueError(f"bit_depth for {name} is {', '.join(map(str, ALL_DEPTHS[name]))}")
        if option == "lossless" and info.data.get("quality") is not None:
            raise ValueError("a lossless file has no quality; leave one of the two out")
        return value
