"""Everything comes out in sRGB, by its profile."""

from io import BytesIO

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms
from skimage.color import deltaE_ciede2000, rgb2lab

from harness.operating import psnr
from harness.pictures import encoded, photo
from harness.rendering import SHARED, rendered
from pixelflow.imaging import srgb

WHOLE = {"action": "flip", "axis": "horizontal", "format": "png"}
HALF = {"action": "thumbnail", "width": 75, "format": "png"}


def profile(name: str) -> bytes:
    """One of the profiles that libvips carries."""
    image = pyvips.Image.black(8, 8, bands=3).copy(interpretation="srgb")
    content: bytes = image.icc_transform(name).get("icc-profile-data")
    return content


def difference(found: np.ndarray, wanted: np.ndarray) -> float:
    """Mean CIEDE2000."""
    return float(deltaE_ciede2000(rgb2lab(found / 255), rgb2lab(wanted / 255)).mean())


def by_lcms(source: bytes) -> Image.Image:
    """The whole file converted by Pillow's lcms, relative colorimetric."""
    image = Image.open(BytesIO(source))
    embedded = ImageCms.ImageCmsProfile(BytesIO(image.info["icc_profile"]))
    return ImageCms.profileToProfile(
        image,
        embedded,
        ImageCms.createProfile("sRGB"),
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
    )


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_wide_gamut_picture(form):
    options = (
        {"quality": 97, "subsampling": 0} if form == "JPEG" else {"lossless": True} if form == "WEBP" else {}
    )
    source = encoded(photo(150, 100, seed=2), form, icc_profile=profile("p3"), **options)
    right = by_lcms(source)

    whole = rendered(source, WHOLE).pixels[:, ::-1]
    half = rendered(source, HALF).pixels

    assert difference(whole, np.asarray(right)) < 1
    assert difference(half, np.asarray(right.resize((75, 50), Image.Resampling.LANCZOS))) < 1
    untreated = np.asarray(Image.open(BytesIO(source)).convert("RGB"))
    assert difference(untreated, np.asarray(right)) > 1.5


@pytest.mark.skipif(not (SHARED / "formats").is_dir(), reason="the pictures of many kinds are not here")
@pytest.mark.parametrize("name", ["p3.png", "prophoto.png"])
def test_real_wide_gamut_pictures(name):
    source = (SHARED / "formats" / name).read_bytes()

    found = rendered(source, WHOLE).pixels[:, ::-1]

    right = np.asarray(by_lcms(source).convert("RGB"))
    assert difference(found[..., :3], right) < 1


def test_srgb_is_known_by_its_primaries_and_curves():
    assert srgb.is_srgb(profile("srgb"))
    assert srgb.is_srgb(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    assert not srgb.is_srgb(profile("p3"))
    assert not srgb.is_srgb(b"")
    assert not srgb.is_srgb(profile("srgb")[:200])


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_broken_profile_counts_as_none(form):
    picture = photo(150, 100)
    source = encoded(picture, form, icc_profile=b"this is no profile" * 20)

    assert psnr(rendered(source, WHOLE).pixels[:, ::-1], np.asarray(picture)) > 30


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
@pytest.mark.parametrize("options", [{}, {"icc_profile": profile("cmyk")}])
@pytest.mark.parametrize("step", [WHOLE, HALF])
def test_cmyk_comes_out_as_srgb(step, options, form):
    patches = Image.new("CMYK", (150, 100))
    patches.paste((0, 255, 255, 0), (0, 0, 50, 100))
    patches.paste((0, 0, 0, 0), (50, 0, 100, 100))
    patches.paste((255, 255, 255, 255), (100, 0, 150, 100))

    out = rendered(encoded(patches, form, **options), step)

    assert out.picture.mode == "RGB"
    pixels = out.pixels if step is HALF else out.pixels[:, ::-1]
    height, width, _ = pixels.shape
    red, white, black = (pixels[height // 2, width * part // 6].astype(int) for part in (1, 3, 5))
    assert red[0] > 180
    assert max(red[1:]) < 80
    assert white.min() > 240
    assert black.max() < 60


@pytest.mark.skipif(not (SHARED / "formats").is_dir(), reason="the pictures of many kinds are not here")
@pytest.mark.parametrize(
    "name",
    [
        "Channel_digital_image_CMYK_color.jpg",
        "Channel_digital_image_CMYK_color_no_profile.jpg",
        "pil_sample_cmyk.jpg",
        "cielab-dagams.tiff",
        "16bit.cropped.tif",
        "hopper.tif",
        "hopper.avif",
        "gain-map.jpg",
        "4.webp",
        "tbgn2c16.png",
    ],
)
def test_pictures_of_many_kinds(name):
    source = (SHARED / "formats" / name).read_bytes()

    out = rendered(source, {"action": "thumbnail", "width": 64, "format": "jpeg"})

    assert out.picture.mode in {"RGB", "L"}
    assert max(out.picture.size) <= 64 or out.picture.width == 64


def test_grey_stays_grey():
    source = encoded(photo(150, 100).convert("L"), quality=95)

    assert rendered(source, HALF).picture.mode == "L"
    assert rendered(source, HALF | {"format": "jpeg"}).picture.mode == "L"
    assert rendered(source, HALF | {"format": "webp"}).picture.size == (75, 50)


def test_what_comes_out_carries_no_profile():
    source = encoded(photo(150, 100), icc_profile=profile("p3"))

    assert "icc_profile" not in rendered(source, HALF).picture.info
