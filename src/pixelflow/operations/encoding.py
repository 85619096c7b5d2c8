"""How a step's image is written."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pixelflow.domain.installed import advice, writable
from pixelflow.domain.media import BY_NAME, same_as
from pixelflow.operations.described import Described
from pixelflow.operations.problems import Contradiction

DEFAULT_QUALITY = {"jpeg": 80, "webp": 80, "avif": 50, "heic": 50, "jxl": 80}
FULL_CHROMA_QUALITY = 90
"""``chroma: auto`` keeps full chroma from this quality on."""
EFFORT = {
    "webp": (0, 6, 4),
    "avif": (0, 9, 4),
    "png": (1, 10, 7),
    "gif": (1, 10, 7),
    "heic": (0, 9, 0),
    "jxl": (1, 9, 4),
}
"""Least, most and default effort."""
ALL_DEPTHS: dict[str, tuple[int, ...]] = {
    "png": (1, 2, 4, 8, 16),
    "avif": (8, 10, 12),
    "tiff": (8, 16),
    "heic": (8, 10, 12),
}
"""Bits a channel that a format can be asked for."""
MAX_SIDE = {"webp": 16_383, "jpeg": 65_535, "gif": 65_535, "heic": 8_192}
"""Longest side in pixels that a format has room for."""

LOSSY = tuple(DEFAULT_QUALITY)
"""Formats that have a quality."""
CHOICES = ("avif", "webp", "jpeg", "png", "gif")
"""What ``format: auto`` chooses from by itself: what browsers show."""
LOOKS_ALIKE = 0.96
"""Mean SSIM from which on a photo is hardly told from the picture: about JPEG at quality 80."""
MIN_QUALITY = 10
"""As low as ``max_bytes`` goes by itself."""

_FORMATS_OF = {
    "quality": LOSSY,
    "lossless": ("webp", "avif", "heic", "jxl"),
    "near_lossless": ("webp",),
    "progressive": ("jpeg", "png"),
    "effort": tuple(EFFORT),
    "chroma": ("jpeg", "avif", "heic"),
    "palette": ("png",),
    "bit_depth": tuple(ALL_DEPTHS),
    "max_bytes": LOSSY,
    "auto_quality": LOSSY,
}
_SPELLINGS = {"jpg": "jpeg", "tif": "tiff", "heif": "heic", "jpegxl": "jxl", "original": "same"}


def _spelled(value: object) -> object:
    return _SPELLINGS.get(value.lower(), value.lower()) if isinstance(value, str) else value


def _installed(value: str) -> str:
    if value not in {"same", "auto", *writable()}:
        raise ValueError(f"{value} is not written here, {advice(value)}")
    return value


def _whole(value: object) -> object:
    if isinstance(value, bool | float):  # which equal whole numbers
        raise ValueError("it is no whole number")
    return value


OutputFormat = Annotated[
    Literal["same", "auto", "jpeg", "png", "apng", "webp", "avif", "gif", "tiff", "heic", "jxl"],
    BeforeValidator(_spelled),
    AfterValidator(_installed),
]
Allowed = Annotated[
    Literal["jpeg", "png", "apng", "webp", "avif", "gif", "tiff", "heic", "jxl"],
    BeforeValidator(_spelled),
    AfterValidator(_installed),
]


class AutoQuality(Described):
    """The lowest quality whose file is as near to the picture as ``target`` says, found by bisection.

    What is compared is Rec. 601 luma, in squares of 7 × 7 pixels; of an animation some of its frames.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)

    metric: Literal["ssim", "dssim"] = "ssim"
    """`ssim` is 1 for equal pictures, `dssim` is (1 - SSIM) / 2."""
    target: float | None = Field(default=None, ge=0, le=1)
    """By default an SSIM of 0.96, which is a DSSIM of 0.02."""
    min: int = Field(default=30, ge=1, le=100)
    """The lowest quality that may be chosen."""
    max: int = Field(default=95, ge=1, le=100)
    """The highest; it is taken where nothing reaches the target."""
    encodes: int = Field(default=7, ge=1, le=12)
    """Files made at most to find it, for each format."""

    @property
    def ssim(self) -> float:
        """The target as SSIM."""
        if self.target is None:
            return LOOKS_ALIKE
        return self.target if self.metric == "ssim" else 1 - 2 * self.target

    @model_validator(mode="after")
    def _ordered(self) -> "AutoQuality":
        if self.min > self.max:
            raise ValueError(f"min ({self.min}) is above max ({self.max})")
        if self.metric == "dssim" and (self.target or 0) > 0.5:
            raise ValueError(f"a DSSIM is at most 0.5, not {self.target}")
        return self


def quick_effort(pixels: int) -> int:
    """AVIF's effort where several files are made, where none is given: its default costs 20 times WebP."""
    return 3 if pixels <= 1_000_000 else 2 if pixels <= 4_000_000 else 1


class Encoding(Described):
    """The encoding options that any step which makes an image may carry.

    An option that the named format has no use for is refused; under ``same`` and ``auto`` it is passed over
    where the format has none, since that is not known in time. JPEG lays transparency on white. JPEG, PNG,
    TIFF, HEIC and JPEG XL get the first frame of an animation. What comes out is sRGB or grey, whatever came
    in, unless an ``icc`` step says otherwise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    format: OutputFormat = "same"
    """The file format; ``same`` is the source's, or PNG where that is only read; ``auto`` the smallest that
    looks as a JPEG of this `quality` does, and has room for transparency or frames where the picture has
    them."""
    formats: tuple[Allowed, ...] | None = Field(default=None, strict=False, min_length=1, max_length=8)
    """What `auto` may choose from; by default avif, webp, jpeg and png, and for an animation avif, webp and
    gif."""
    quality: int | None = Field(default=None, ge=1, le=100)
    """Of lossy formats; by default 80 for JPEG, WebP and JPEG XL, 50 for AVIF and HEIC."""
    max_bytes: int | None = Field(default=None, ge=1)
    """The file's largest size; quality is lowered until it fits; the step fails where `min_quality` is too
    high for that."""
    min_quality: int | None = Field(default=None, ge=1, le=100)
    """How low `max_bytes` may go; by default 10."""
    auto_quality: AutoQuality | None = None
    """Find the quality instead: the lowest that is near enough to the picture."""
    lossless: bool = False
    """WebP, HEIC, JPEG XL and, but for animations, AVIF without loss."""
    near_lossless: bool = False
    """WebP: lossless after a preprocessing that ``quality`` controls."""
    progressive: bool = False
    """JPEG and PNG that show a coarse picture first."""
    effort: int | None = Field(default=None, ge=0, le=10)
    """How hard to try for a smaller file: 0–6 for WebP, 0–9 for AVIF and HEIC, 1–9 for JPEG XL, 1–10 for PNG
    and GIF."""
    chroma: Literal["auto", "4:2:0", "4:4:4"] = "auto"
    """Chroma subsampling of JPEG, AVIF and HEIC; ``auto`` keeps full chroma from quality 90 on."""
    palette: bool = False
    """PNG with at most 256 colours."""
    bit_depth: Annotated[Literal[1, 2, 4, 8, 10, 12, 16], BeforeValidator(_whole)] | None = None
    """Bits a channel: PNG 1, 2, 4, 8 or 16 (below 8: of a palette's index), AVIF and HEIC 8, 10 or 12, TIFF 8
    or 16. By default 8, and 16 where a 16-bit picture becomes a PNG or TIFF."""

    @field_validator(*_FORMATS_OF)
    @classmethod
    def _has_a_use(cls, value: Any, info: ValidationInfo) -> Any:
        option, name = str(info.field_name), info.data.get("format", "same")
        if name in {"same", "auto"} or value is None or value is False or value == "auto":
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

    @model_validator(mode="after")
    def _consistent(self) -> "Encoding":
        if self.formats is not None and self.format != "auto":
            raise Contradiction("formats is what format: auto chooses from", "formats", "format")
        if self.min_quality is not None and self.max_bytes is None:
            raise Contradiction("min_quality is how low max_bytes may go; give max_bytes", "min_quality")
        if self.auto_quality and self.quality is not None:
            raise Contradiction("auto_quality finds the quality; leave one of the two out", "auto_quality")
        if (self.lossless or self.near_lossless) and (self.max_bytes or self.auto_quality):
            which = "max_bytes" if self.max_bytes else "auto_quality"
            raise Contradiction(f"{which} has no quality to choose of a lossless file", which)
        if self.lossless and self.near_lossless:
            raise Contradiction("lossless or near_lossless; leave one of the two out", "near_lossless")
        if self.lossless and self.chroma == "4:2:0":
            raise Contradiction("4:2:0 loses chroma, which a lossless file keeps", "chroma", "lossless")
        if self.palette and (self.bit_depth or 0) > 8:
            raise Contradiction(f"a palette has no {self.bit_depth} bits", "bit_depth", "palette")
        top = self.auto_quality.min if self.auto_quality else self.quality or 100
        if self.min_quality is not None and self.min_quality > top:
            raise Contradiction(f"min_quality ({self.min_quality}) is above {top}", "min_quality")
        return self

    @property
    def searched(self) -> bool:
        """Whether several files may have to be made to find the one."""
        return self.format == "auto" or self.max_bytes is not None or self.auto_quality is not None

    def possible(self, source: str | None) -> tuple[str, ...]:
        """The formats that the file may be in, for a source in this one; none where that is not known."""
        if self.format == "auto":
            return self.candidates
        if self.format == "same":
            return (same_as(source),) if source in BY_NAME else ()
        return (self.format,)

    @property
    def candidates(self) -> tuple[str, ...]:
        """What ``auto`` chooses from, whatever the picture is."""
        return self.formats or CHOICES


def full_chroma(options: Encoding, quality: int) -> bool:
    """Whether colours are written at the picture's full size."""
    return options.chroma == "4:4:4" or (options.chroma == "auto" and quality >= FULL_CHROMA_QUALITY)
