"""The icc step: files in the colour space asked for, judged by Pillow's lcms."""

import colorsys
from io import BytesIO

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms
from skimage.color import deltaE_ciede2000, rgb2lab

from harness.operating import psnr
from harness.pictures import encoded, photo
from harness.rendering import rendered
from pixelflow.domain.errors import ImageError, InvalidRequest
from pixelflow.imaging import srgb
from pixelflow.operations.pipeline import parse

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
    step = {"id": "out", **STEP, "to": "cmyk"}
    with pytest.raises(InvalidRequest) as refused:
        parse([step | {"format": form}])
    with pytest.raises(ImageError, match=f"a {form} cannot be CMYK; use jpeg or tiff") as failed:
        rendered(encoded(PHOTO, form), step)

    (problem,) = refused.value.problems
    assert (problem.field, problem.step, problem.value) == ("format", "out", form)
    assert f"a {form} cannot be CMYK; use jpeg or tiff" in problem.message
    assert (failed.value.code, failed.value.step) == ("invalid", "out")


def test_a_step_that_follows_is_refused_by_the_last_icc_before_it():
    cmyk = {"id": "ink", **STEP, "to": "cmyk", "output": False}
    back = {"id": "back", **STEP, "from": "ink", "output": False}
    small = {"id": "small", "action": "thumbnail", "width": 9, "format": "webp"}

    parse([cmyk, back, small | {"from": "back"}])
    with pytest.raises(InvalidRequest, match="a webp cannot be CMYK") as refused:
        parse([cmyk, back, small | {"from": "ink"}])

    (problem,) = refused.value.problems
    assert (problem.field, problem.step) == ("format", "small")
    assert "'ink'" in problem.message


def test_a_gif_is_srgb():
    rendered(encoded(PHOTO, "PNG"), STEP | {"format": "gif"})
    with pytest.raises(InvalidRequest, match="a gif cannot carry a profile"):
        parse([{"id": "out", **STEP, "to": "p3", "format": "gif"}])
    with pytest.raises(ImageError, match="a gif cannot carry a profile"):
        rendered(encoded(PHOTO, "GIF"), STEP | {"to": "p3"})


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
    assert difference(seen(out), seen(Image.open(BytesIO(source)))) < 1


def wide() -> Image.Image:
    """Every hue as strong as Display P3 has it: most of these are outside of sRGB."""
    hues = np.linspace(0, 1, 120, endpoint=False)
    row = np.array([colorsys.hsv_to_rgb(hue, 1, 1) for hue in hues]) * 255
    return Image.fromarray(np.repeat(row[None].astype(np.uint8), 80, axis=0))


LEAVING = [
    [],
    [{"action": "thumbnail", "width": 60}],
    [{"action": "resize", "width": 60, "height": 60, "fit": "cover"}],
    [{"action": "crop", "width": 60, "height": 40}, {"action": "zoom", "x": 2, "y": 2}],
    [{"action": "rotate", "angle": 180}, {"action": "flip", "axis": "both"}, {"action": "auto_orient"}],
    [{"action": "metadata", "keep": ["icc"]}, {"action": "frames", "first": 0}],
]


def chained(*steps: dict[str, object]) -> list[dict[str, object]]:
    """Each after the one before; only the last is kept."""
    names = [f"s{number}" for number in range(len(steps))]
    made = [{"id": name, **step, "output": False} for name, step in zip(names, steps, strict=True)]
    for step, before in zip(made[1:], names, strict=False):
        step["from"] = before
    return [*made[:-1], made[-1] | {"output": True}]


@pytest.mark.parametrize("before", LEAVING)
@pytest.mark.parametrize("to", [{"keep": True}, {"to": "p3"}])
def test_colours_outside_of_srgb_stay(before, to):
    source = encoded(wide(), "PNG", icc_profile=profile("p3"))

    out = rendered(source, *chained(*before, STEP | to | {"format": "png"})).picture

    assert out.info["icc_profile"] == profile("p3")
    # As strong as they were: some channel is near its end in every pixel, and another one near 0.
    found = np.asarray(out)
    assert found.max(axis=2).min() >= 245
    assert found.min(axis=2).max() <= 10


def test_a_step_that_looks_at_colours_gets_them_in_srgb_and_so_do_files_without_the_step():
    source = encoded(wide(), "PNG", icc_profile=profile("p3"))

    out = rendered(
        source,
        {"id": "plain", "action": "thumbnail", "width": 60},
        {"id": "grey", "action": "grayscale"},
        {"id": "kept", **STEP, "keep": True, "from": "plain"},
    ).files

    plain, grey, kept = (Image.open(BytesIO(out[name])) for name in ("plain", "grey", "kept"))
    alone = [
        rendered(source, {"action": "thumbnail", "width": 60}).pixels,
        rendered(source, {"action": "grayscale"}).pixels,
    ]
    np.testing.assert_array_equal(np.asarray(plain), alone[0])
    np.testing.assert_array_equal(np.asarray(grey), alone[1])
    assert kept.info["icc_profile"] == profile("p3")
    assert np.asarray(kept).max(axis=2).min() >= 245


@pytest.mark.parametrize("orientation", [1, 6])
def test_cmyk_that_is_kept_is_not_touched(orientation):
    ink = np.random.default_rng(3).integers(0, 256, (40, 60, 4), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.frombytes("CMYK", (60, 40), ink.tobytes())
    source = encoded(picture, "TIFF", icc_profile=profile("cmyk"), exif=exif)

    out = rendered(source, STEP | {"keep": True}).picture

    assert out.mode == "CMYK"
    np.testing.assert_array_equal(np.asarray(out), np.rot90(ink, {1: 0, 6: -1}[orientation]))


def lender(name: str, form: str = "PNG") -> bytes:
    """A small picture whose only use is its profile."""
    mode = "CMYK" if name == "cmyk" else "RGB"
    return encoded(Image.new(mode, (8, 8)), form, icc_profile=profile(name))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_another_picture_lends_its_profile(form):
    step = STEP | {"to": "ast_wide"}
    out = rendered(encoded(PHOTO, "PNG"), step, assets={"ast_wide": lender("p3", form)}).picture

    right = ImageCms.profileToProfile(PHOTO, SRGB, opened(profile("p3")), RELATIVE)
    assert out.info["icc_profile"] == profile("p3")
    assert np.abs(np.asarray(out).astype(int) - np.asarray(right)).max() <= 2


def test_a_profile_for_ink_makes_cmyk():
    source, assets = encoded(PHOTO, "JPEG", quality=97), {"ast_ink": lender("cmyk", "TIFF")}
    there = ImageCms.profileToProfile(PHOTO, SRGB, opened(profile("cmyk")), RELATIVE, outputMode="CMYK")
    there.info["icc_profile"] = profile("cmyk")

    out = rendered(source, STEP | {"to": "ast_ink", "quality": 97}, assets=assets).picture

    assert out.mode == "CMYK"
    assert difference(seen(out), seen(there)) < 1.5
    with pytest.raises(ImageError, match="a png cannot be CMYK"):
        rendered(source, STEP | {"to": "ast_ink", "format": "png"}, assets=assets)


def test_a_picture_without_a_profile_lends_none():
    bare = {"ast_bare": encoded(PHOTO, "PNG")}
    with pytest.raises(ImageError, match="the picture ast_bare carries no profile") as failed:
        rendered(encoded(PHOTO, "PNG"), STEP | {"to": "ast_bare"}, assets=bare)

    assert (failed.value.code, failed.value.step) == ("invalid", "s1")


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
