"""Pictures that every machine can make."""

from io import BytesIO

import numpy as np
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
