"""The icc step: files in the colour space asked for, judged by Pillow's lcms."""

from io import BytesIO

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms
from skimage.color import deltaE_ciede2000, rgb2lab

from harness.operating import psnr
from harness.pictures import encoded, photo
from harness.rendering import rendered
from pixelflow.domain.errors import ImageError
from pixelflow.imaging import srgb

PHOTO = photo(150, 100, seed=2)
RELATIVE = ImageCms.Intent.RELATIVE_COLORIMETRIC
SRGB = ImageCms.createProfile("sRGB")
STEP = {"action": "icc"}


def profile(name: str) -> bytes:
    """One of the profiles that libvips carries."""
    content: bytes = pyvips.Operation.call("profile_load", name)
    return content


def opened(content: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(BytesIO(content))


def seen(picture: Image.Image) -> np.ndarray:
    """What a viewer that honours the embedded profile shows, in sRGB."""
    embedded = opened(picture.info["icc_profile"])
    return np.asarray(ImageCms.profileToProfile(picture, embedded, SRGB, RELATIVE, outputMode="RGB"))


def difference(found: np.ndarray, wanted: np.ndarray) -> float:
    """Mean CIEDE2000."""
    return float(deltaE_ciede2000(rgb2lab(found / 255), rgb2lab(wanted / 255)).mean())


@pytest.mark.parametrize("form", ["png", "webp", "tiff", "avif", "jpeg"])
@pytest.mark.parametrize("to", ["srgb", "p3"])
def test_the_file_looks_the_same_and_says_what_it_is_in(form, to):
    lossless = {"lossless": True} if form in {"webp", "avif"} else {}
    lossless = {"quality": 100} if form == "jpeg" else lossless
    out = rendered(encoded(PHOTO, "PNG"), STEP | {"to": to, "format": form, **lossless}).picture

    assert out.info["icc_profile"] == profile(to)
    assert difference(seen(out), np.asarray(PHOTO)) < 1


def test_the_values_are_those_of_lcms():
    right = ImageCms.profileToProfile(PHOTO, SRGB, opened(profile("p3")), RELATIVE)

    found = rendered(encoded(PHOTO, "PNG"), STEP | {"to": "p3"}).pixels

    assert np.abs(found.astype(int) - np.asarray(right)).max() <= 2
    assert psnr(found, np.asarray(PHOTO)) < 40


@pytest.mark.parametrize("form", ["jpeg", "tiff"])
def test_cmyk(form):
    out = rendered(encoded(PHOTO, "PNG"), STEP | {"to": "cmyk", "format": form}).picture
    there = ImageCms.profileToProfile(PHOTO, SRGB, opened(profile("cmyk")), RELATIVE, outputMode="CMYK")
    there.info["icc_profile"] = profile("cmyk")

    assert out.mode == "CMYK"
    assert out.info["icc_profile"] == profile("cmyk")
    assert difference(seen(out), seen(there)) < 1.5


@pytest.mark.parametrize("form", ["png", "webp", "gif", "avif"])
def test_elsewhere_cmyk_is_refused_with_where_it_goes(form):
    with pytest.raises(ImageError, match=f"a {form} cannot be CMYK; use jpeg or tiff") as refused:
        rendered(encoded(PHOTO, "PNG"), STEP | {"to": "cmyk", "format": form})

    assert (refused.value.code, refused.value.step) == ("invalid", "s1")


def test_a_gif_is_srgb():
    rendered(encoded(PHOTO, "PNG"), STEP | {"format": "gif"})
    with pytest.raises(ImageError, match="a gif cannot carry a profile"):
        rendered(encoded(PHOTO, "PNG"), STEP | {"to": "p3", "format": "gif"})


def test_without_embedding_the_values_are_converted_all_the_same():
    bare = rendered(encoded(PHOTO, "PNG"), STEP | {"to": "p3", "embed": False})
    full = rendered(encoded(PHOTO, "PNG"), STEP | {"to": "p3"})

    assert "icc_profile" not in bare.picture.info
    np.testing.assert_array_equal(bare.pixels, full.pixels)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF"])
def test_kept_is_the_source_s_own_profile(form):
    options = {"quality": 97, "subsampling": 0} if form == "JPEG" else {}
    source = encoded(PHOTO, form, icc_profile=profile("p3"), **options)
    quality = {"quality": 97} if form == "JPEG" else {}

    out = rendered(source, STEP | {"keep": True, **quality}).picture

    assert out.info["icc_profile"] == profile("p3")
    # What P3 alone has came inside sRGB.
    assert difference(seen(out), seen(Image.open(BytesIO(source)))) < 1


def test_a_cmyk_source_can_stay_in_its_own():
    picture = ImageCms.profileToProfile(PHOTO, SRGB, opened(profile("cmyk")), RELATIVE, outputMode="CMYK")
    source = encoded(picture, "TIFF", icc_profile=profile("cmyk"))

    out = rendered(source, STEP | {"keep": True}).picture

    assert out.mode == "CMYK"
    assert out.info["icc_profile"] == profile("cmyk")
    assert difference(seen(out), seen(Image.open(BytesIO(source)))) < 1.5
    with pytest.raises(ImageError, match="a png cannot be CMYK"):
        rendered(source, STEP | {"keep": True, "format": "png"})


@pytest.mark.parametrize("options", [{}, {"icc_profile": b"this is no profile" * 20}])
def test_without_a_profile_to_keep_it_is_srgb(options):
    out = rendered(encoded(PHOTO, "PNG", **options), STEP | {"keep": True})

    assert srgb.is_srgb(out.picture.info["icc_profile"])
    assert psnr(out.pixels, np.asarray(PHOTO)) > 45


def test_sixteen_bits_stay():
    ramp = (np.arange(150 * 100 * 3).reshape(100, 150, 3) % 65536).astype(np.uint16)
    image = pyvips.Image.new_from_array(ramp).copy(interpretation="rgb16")

    out = rendered(image.pngsave_buffer(), STEP | {"to": "p3"}).file

    made = pyvips.Image.new_from_buffer(out, "")
    assert (made.format, made.get("icc-profile-data")) == ("ushort", profile("p3"))
    back = made.icc_transform("srgb", embedded=True, depth=16).numpy().astype(int)
    assert np.abs(back - ramp).mean() < 60


@pytest.mark.parametrize("to", ["srgb", "p3"])
def test_grey_gets_channels_and_alpha_stays(to):
    grey = PHOTO.convert("L")
    alpha = Image.linear_gradient("L").resize(PHOTO.size)

    coloured = rendered(encoded(grey, "PNG"), STEP | {"to": to}).picture
    mixed = rendered(encoded(Image.merge("LA", [grey, alpha]), "PNG"), STEP | {"to": to}).picture

    assert coloured.mode == "RGB"
    assert difference(seen(coloured), np.asarray(grey.convert("RGB"))) < 1
    assert mixed.mode == "RGBA"
    np.testing.assert_array_equal(np.asarray(mixed)[..., 3], np.asarray(alpha))


def test_transparency_is_laid_on_white_before_it_is_cmyk():
    clear = Image.new("RGBA", (40, 30), (255, 0, 0, 0))

    out = rendered(encoded(clear, "PNG"), STEP | {"to": "cmyk", "format": "jpeg"}).picture

    assert seen(out).min() > 245


def test_every_frame_is_converted():
    frames = [photo(60, 40, seed=seed) for seed in range(3)]
    source = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)

    out = rendered(source, STEP | {"to": "p3", "lossless": True}).picture

    assert out.n_frames == 3
    for index, frame in enumerate(frames):
        out.seek(index)
        shown = out.convert("RGB")
        shown.info["icc_profile"] = profile("p3")
        assert difference(seen(shown), np.asarray(frame)) < 1


def test_steps_that_follow_work_in_srgb_and_siblings_are_left_alone():
    out = rendered(
        encoded(PHOTO, "PNG"),
        {"id": "wide", "action": "icc", "to": "p3", "output": False},
        {"id": "small", "action": "thumbnail", "width": 75, "from": "wide"},
        {"id": "plain", "action": "thumbnail", "width": 75},
    )

    small, plain = (Image.open(BytesIO(out.files[name])) for name in ("small", "plain"))
    assert small.info["icc_profile"] == profile("p3")
    assert "icc_profile" not in plain.info
    assert difference(seen(small), np.asarray(plain)) < 1


def test_it_goes_with_other_metadata():
    exif = Image.Exif()
    exif[0x8298] = "Ada"
    source = encoded(PHOTO, "JPEG", exif=exif, icc_profile=profile("p3"))

    out = rendered(
        source,
        {"id": "meta", "action": "metadata", "keep": ["copyright"], "output": False},
        {"id": "out", "action": "icc", "to": "p3", "from": "meta"},
    ).picture

    assert out.getexif()[0x8298] == "Ada"
    assert out.info["icc_profile"] == profile("p3")
