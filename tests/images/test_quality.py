"""Scaled pictures against a full decode and an independent Lanczos, and against libvips' own thumbnail."""

from io import BytesIO

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageOps

from harness.operating import psnr
from harness.pictures import encoded, photo
from harness.rendering import SHARED, rendered

SCRATCH_PHOTO = photo(2400, 1600, seed=3)
TOLERANCE_DB = 0.1


def wanted(source: bytes, width: int) -> np.ndarray:
    """A full decode, then Pillow's Lanczos in one go."""
    whole = Image.open(BytesIO(source)).convert("RGB")
    height = max(1, int(whole.height * width / whole.width + 0.5))
    return np.asarray(whole.resize((width, height), Image.Resampling.LANCZOS))


def thumbnail(source: bytes, size: tuple[int, int]) -> np.ndarray:
    """What libvips makes of it alone."""
    return pyvips.Image.thumbnail_buffer(source, size[0], height=size[1], size="force").numpy()[..., :3]


def compared(source: bytes, width: int) -> tuple[float, float]:
    out = rendered(source, {"action": "thumbnail", "width": width, "format": "png"}).pixels
    best = wanted(source, width)
    assert out.shape == best.shape
    return psnr(out, best), psnr(thumbnail(source, (best.shape[1], best.shape[0])), best)


@pytest.mark.parametrize("width", [1200, 800, 500, 333, 150, 60])
@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {"quality": 92}),
        ("JPEG", {"quality": 85, "progressive": True}),
        ("JPEG", {"quality": 95, "subsampling": 0}),
        ("WEBP", {"quality": 90}),
        ("PNG", {"compress_level": 1}),
    ],
)
def test_as_good_as_libvips_own_thumbnail(form, options, width):
    found, theirs = compared(encoded(SCRATCH_PHOTO, form, **options), width)

    assert found > theirs - TOLERANCE_DB
    assert found > 30


@pytest.mark.skipif(not (SHARED / "photos").is_dir(), reason="the photos are not here")
@pytest.mark.parametrize(
    ("name", "width"),
    [("landscape_4000x3000.jpg", 800), ("benchmark_2725x2225.jpg", 720), ("landscape_640x480.jpg", 150)],
)
def test_real_photos(name, width):
    """Against a thumbnail by its width alone, whose height libvips rounds without stretching the picture."""
    source = (SHARED / "photos" / name).read_bytes()
    found, _ = compared(source, width)

    theirs = pyvips.Image.thumbnail_buffer(source, width, height=10_000_000).numpy()
    assert found > psnr(theirs, wanted(source, width)) - TOLERANCE_DB
    assert found > 49


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize(("size", "width"), [((2725, 2225), 333), ((2725, 2225), 100), ((1001, 751), 130)])
def test_a_pixel_that_is_only_partly_filled_shifts_nothing(size, width, orientation):
    """Such a width is no whole number once it was shrunk while it was decoded."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    source = encoded(photo(*size, seed=5), quality=92, exif=exif.tobytes())
    step = {"action": "thumbnail", "format": "png", ("height" if orientation == 6 else "width"): width}

    out = rendered(source, step).picture

    best = Image.fromarray(wanted(source, width))
    upright = best.transpose(Image.Transpose.ROTATE_270) if orientation == 6 else best
    assert out.size == upright.size
    assert psnr(np.asarray(out), np.asarray(upright)) > 48


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize(
    ("step", "kernel"),
    [
        ({"action": "resize", "fit": "cover"}, Image.Resampling.LANCZOS),
        ({"action": "resize", "fit": "contain", "background": "white"}, Image.Resampling.LANCZOS),
        ({"action": "thumbnail", "gravity": "south_east"}, Image.Resampling.LANCZOS),
        ({"action": "resize", "fit": "cover", "kernel": "cubic"}, Image.Resampling.BICUBIC),
        ({"action": "resize", "fit": "fill", "kernel": "cubic"}, Image.Resampling.BICUBIC),
    ],
)
@pytest.mark.parametrize(("size", "side"), [((2725, 2225), 333), ((2725, 2225), 100), ((1001, 751), 130)])
def test_what_is_cut_or_framed_lies_where_a_full_decode_has_it(size, side, step, kernel, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    source = encoded(photo(*size, seed=5), quality=92, exif=exif.tobytes())
    upright = ImageOps.exif_transpose(Image.open(BytesIO(source)))
    fit = step.get("fit", "cover")
    scales = [side / length for length in upright.size]
    across, down = {"cover": [max(scales)] * 2, "contain": [min(scales)] * 2, "fill": scales}[fit]
    small = upright.resize((int(upright.width * across + 0.5), int(upright.height * down + 0.5)), kernel)
    place = (1, 1) if "gravity" in step else (0.5, 0.5)
    best = Image.new("RGB", (side, side), "white")
    # What hangs over is cut away.
    best.paste(
        small, tuple(int((side - length) * part) for length, part in zip(small.size, place, strict=True))
    )

    found = rendered(source, step | {"width": side, "height": side, "format": "png"}).picture.convert("RGB")

    assert psnr(np.asarray(found), np.asarray(best)) > 48


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (9, 9), (17, 400), (401, 33), (1001, 751)])
@pytest.mark.parametrize("box", [(1, 1), (1, 7), (5, 2), (130, 97), (1001, 751), (1200, 900)])
def test_sizes_are_exact_where_pixels_are_partly_filled(size, box):
    step = {"action": "resize", "width": box[0], "height": box[1], "fit": "fill", "format": "png"}

    for orientation in (1, 6):
        exif = Image.Exif()
        exif[0x0112] = orientation
        source = encoded(photo(*size), exif=exif.tobytes())
        shown = size if orientation == 1 else size[::-1]
        found = rendered(source, step).picture.size
        assert found == (min(shown[0], box[0]), min(shown[1], box[1]))


@pytest.mark.parametrize(("form", "quality"), [("jpeg", 80), ("jpeg", 92), ("webp", 80)])
def test_the_direct_encoders_write_what_libvips_writes(form, quality):
    pixels = np.asarray(photo(300, 200))
    source = encoded(Image.fromarray(pixels), "PNG")

    out = rendered(source, {"action": "thumbnail", "width": 300, "format": form, "quality": quality})

    image = pyvips.Image.new_from_array(pixels).copy(interpretation="srgb")
    theirs = np.asarray(Image.open(BytesIO(image.write_to_buffer(f".{form}", Q=quality, keep="none"))))
    assert psnr(out.pixels, pixels) > psnr(theirs, pixels) - TOLERANCE_DB
    assert len(out.file) < len(image.write_to_buffer(f".{form}", Q=quality, keep="none")) * 1.05
