"""How a step's image is written."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

OutputFormat = Literal["same", "jpeg", "png", "webp", "avif", "gif", "tiff"]
DEFAULT_QUALITY = {"jpeg": 80, "webp": 80, "avif": 50}


class Encoding(BaseModel):
    """The encoding options that any step which makes an image may carry; those a format has no use for are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, use_attribute_docstrings=True)

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
    """Bits a channel (a palette's index): PNG 1–16, AVIF 8–12, TIFF 8 or 16; by default 8, and 16 for 16-bit PNG and TIFF."""
