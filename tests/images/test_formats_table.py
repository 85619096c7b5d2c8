"""What the list of formats says of each, held against what becomes of a picture that has it all."""

from io import BytesIO

import numpy as np
import pytest
import tifffile
from PIL import Image

from harness.pictures import encoded, photo
from harness.rendering import rendered
from pixelflow.domain.installed import formats
from pixelflow.domain.media import SNIFF_BYTES, Format, sniff

WRITTEN = [pytest.param(known, id=known.name) for known in formats() if known.writes]
STEP = {"action": "resize", "width": "100%"}
RAMP = np.tile(np.linspace(0, 65535, 2000).astype(np.uint16), (20, 1))


def again(file: bytes) -> Image.Image:
    """Through our own reader, into what has room for everything."""
    return rendered(file, {**STEP, "format": "png"}).picture


@pytest.mark.parametrize("known", WRITTEN)
def test_the_name_is_what_is_written(known: Format) -> None:
    file = rendered(encoded(photo(60, 40), "PNG"), {**STEP, "format": known.name}).file
    assert sniff(file[:SNIFF_BYTES]) == {"apng": "png"}.get(known.name, known.name)
    assert again(file).size == (60, 40)


@pytest.mark.parametrize("known", WRITTEN)
def test_alpha(known: Format) -> None:
    clear = photo(60, 40).convert("RGBA")
    clear.paste((0, 0, 0, 0), (0, 0, 30, 40))
    file = rendered(encoded(clear, "PNG"), {**STEP, "format": known.name}).file
    made = again(file)
    assert (made.mode == "RGBA") == known.alpha
    if known.alpha:
        assert np.asarray(made)[20, 5, 3] == 0
        assert np.asarray(made)[20, 55, 3] == 255


@pytest.mark.parametrize("known", WRITTEN)
def test_animated(known: Format) -> None:
    frames = [photo(40, 30, seed) for seed in range(3)]
    source = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    file = rendered(source, {**STEP, "format": known.name}).file
    played = rendered(file, {"action": "frames", "first": 0, "format": "webp"}).file
    assert getattr(Image.open(BytesIO(played)), "n_frames", 1) == (3 if known.animated else 1)


@pytest.mark.parametrize("known", WRITTEN)
def test_depth(known: Format) -> None:
    """As many levels come back as so many bits have, or nearly: lossy codecs round."""
    options = {"bit_depth": known.max_depth} if known.max_depth > 8 else {}
    lossless = {"lossless": True} if known.name in {"avif", "heic"} else {}
    file = rendered(
        encoded(Image.fromarray(RAMP), "PNG"), {**STEP, "format": known.name, **options, **lossless}
    ).file
    made = tifffile.imread(BytesIO(rendered(file, {**STEP, "format": "tiff"}).file))
    levels = len(np.unique(made.reshape(20, 2000, -1)[..., 0]))
    assert (levels > 1000) == (known.max_depth > 8)


def test_what_is_only_read_becomes_a_png() -> None:
    only_read = [known.name for known in formats() if known.reads and not known.writes]
    assert {"bmp", "ico", "jp2"} <= set(only_read)
    for form in ("BMP", "ICO", "JPEG2000"):
        made = rendered(
            encoded(photo(60, 40), form, **({"sizes": [(60, 40)]} if form == "ICO" else {})), STEP
        )
        assert made.finished.made[0].format == "png"
        assert made.picture.format == "PNG"
