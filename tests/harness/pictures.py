"""Pictures that every machine can make."""

from io import BytesIO

import numpy as np
import pyvips
from PIL import Image


def photo(width: int, height: int, seed: int = 0) -> Image.Image:
    """Photo-like: smooth colour, edges and a little grain, the same for the same arguments."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = [
        np.sin(x / random.uniform(20, 90) + random.uniform(0, 6)) + np.cos(y / random.uniform(20, 90))
        for _ in range(3)
    ]
    edges = ((x // random.integers(40, 120) + y // random.integers(40, 120)) % 2)[..., None] * random.uniform(
        10, 40, 3
    )
    pixels = np.stack(waves, axis=-1) * 45 + 118 + edges + random.normal(0, 3, (height, width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def encoded(picture: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    """The file's bytes."""
    file = BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def light() -> Image.Image:
    """A gain map in which each corner is another grey."""
    corners = Image.fromarray(np.array([[20, 90], [160, 240]], np.uint8))
    return corners.resize((40, 30), Image.Resampling.BILINEAR)


def ultra_hdr(orientation: int = 1) -> bytes:
    """A JPEG of 160 × 120 pixels with a gain map of a quarter of its sides, which is ``light``."""
    image = pyvips.Image.new_from_buffer(encoded(photo(160, 120, seed=2), "PNG"), "").copy()
    image.set_type(pyvips.GValue.blob_type, "gainmap-data", encoded(light(), "JPEG", quality=95))
    for name, value in {"max-content-boost": 8.0, "min-content-boost": 1.0, "gamma": 1.0}.items():
        image.set_type(pyvips.GValue.array_double_type, f"gainmap-{name}", [value] * 3)
    for name in ("offset-sdr", "offset-hdr"):
        image.set_type(pyvips.GValue.array_double_type, f"gainmap-{name}", [1 / 64] * 3)
    image.set_type(pyvips.GValue.gdouble_type, "gainmap-hdr-capacity-min", 1.0)
    image.set_type(pyvips.GValue.gdouble_type, "gainmap-hdr-capacity-max", 8.0)
    image.set_type(pyvips.GValue.gint_type, "gainmap-use-base-cg", 1)
    if orientation != 1:
        image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    content: bytes = image.jpegsave_buffer(Q=95)
    return content
