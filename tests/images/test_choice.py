"""Format and quality left to PixelFlow: what it chooses, and what it says of it."""

from io import BytesIO

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageDraw
from skimage.metrics import structural_similarity

from harness.operating import animation, still
from harness.pictures import encoded, photo
from harness.rendering import SHARED, rendered
from pixelflow.domain.errors import ImageError, InvalidRequest
from pixelflow.domain.installed import writable
from pixelflow.imaging import similarity
from pixelflow.operations.pipeline import parse

PHOTO = photo(320, 240)
PNG = encoded(PHOTO, "PNG")
SAME = {"action": "thumbnail", "width": 320}


def grey(picture: Image.Image) -> np.ndarray:
    """Rec. 601 luma, what is hidden on mid grey."""
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, (128, 128, 128, 255)), picture)
    return np.asarray(picture.convert("RGB").convert("L"))


def likeness(file: bytes, picture: Image.Image = PHOTO) -> float:
    """Of a file as Pillow decodes it, by scikit-image, in squares side by side."""
    _, around = structural_similarity(grey(Image.open(BytesIO(file))), grey(picture), full=True)
    return float(around[3:-3:7, 3:-3:7].mean())


def drawing() -> Image.Image:
    """Flat colours and sharp edges."""
    picture = Image.new("RGB", (320, 240), "white")
    draw = ImageDraw.Draw(picture)
    for at in range(0, 300, 25):
        draw.rectangle((at, at // 2, at + 18, at // 2 + 90), fill=(at % 256, 90, 255 - at % 256))
        draw.line((0, at, 319, 239 - at // 2), fill="black")
    return picture


def chosen(out):
    (made,) = out.finished.made
    return made.choice


@pytest.mark.parametrize("shape", [(240, 320), (7, 7), (65, 23), (5, 40), (500, 9)])
def test_the_likeness_is_that_of_scikit_image_at_every_seventh_pixel(shape):
    one = np.asarray(photo(shape[1], shape[0], 1).convert("L"))
    other = np.asarray(photo(shape[1], shape[0], 1).convert("L").point(lambda value: value // 9 * 9))
    side = min(7, *shape)

    _, around = structural_similarity(one, other, win_size=side, full=True)

    half = side // 2
    expected = around[half : shape[0] - side + half + 1 : side, half : shape[1] - side + half + 1 : side]
    assert similarity.ssim(one, other) == pytest.approx(expected.mean(), abs=1e-9)
    assert similarity.ssim(one, one) == 1.0


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_the_luma_is_that_of_pillow(mode):
    picture = PHOTO.convert(mode)
    if mode == "RGBA":
        picture.putalpha(Image.linear_gradient("L").resize(PHOTO.size))
    image = pyvips.Image.new_from_buffer(encoded(picture, "PNG"), "")

    found = similarity.luma(image)

    assert np.abs(found.astype(int) - grey(picture)).max() <= 1


# auto_quality


@pytest.mark.parametrize("form", ["jpeg", "webp", "avif"])
@pytest.mark.parametrize("target", [0.93, 0.97])
def test_the_lowest_quality_that_reaches_the_target(form, target):
    out = rendered(PNG, SAME | {"format": form, "auto_quality": {"target": target, "min": 5, "max": 99}})

    choice = chosen(out)
    assert likeness(out.file) == pytest.approx(choice.score, abs=0.0005)
    assert choice.score >= target == choice.target
    assert len(choice.tried) <= 7
    lower = [trial for trial in choice.tried if trial.quality < choice.quality]
    assert all(trial.score < target for trial in lower)
    assert any(trial.quality == choice.quality - 1 for trial in lower)
    by_hand = rendered(PNG, SAME | {"format": form, "quality": choice.quality, **effort(form)})
    assert by_hand.file == out.file


def effort(form):
    """What AVIF is tried with where many files are made of a small picture."""
    return {"effort": 3} if form == "avif" else {}


def test_dssim_is_half_of_what_ssim_lacks():
    by_ssim = rendered(PNG, SAME | {"format": "jpeg", "auto_quality": {"target": 0.94}})
    by_dssim = rendered(PNG, SAME | {"format": "jpeg", "auto_quality": {"metric": "dssim", "target": 0.03}})

    assert by_dssim.file == by_ssim.file


def test_a_target_out_of_reach_gets_the_highest_quality_and_says_so():
    out = rendered(PNG, SAME | {"format": "jpeg", "auto_quality": {"target": 1.0, "max": 70}})

    choice = chosen(out)
    assert choice.quality == 70
    assert choice.score < 1.0 == choice.target


@pytest.mark.parametrize("most", [1, 2, 3, 12])
def test_no_more_files_are_made_than_allowed(most):
    out = rendered(
        PNG,
        SAME | {"format": "jpeg", "auto_quality": {"target": 0.95, "encodes": most, "min": 1, "max": 100}},
    )

    assert 1 <= len(chosen(out).tried) <= most


# max_bytes


@pytest.mark.parametrize("form", ["jpeg", "webp", "avif"])
def test_the_highest_quality_that_fits(form):
    whole = len(rendered(PNG, SAME | {"format": form, **effort(form)}).file)
    most = whole * 2 // 3

    out = rendered(PNG, SAME | {"format": form, "max_bytes": most})

    choice = chosen(out)
    assert len(out.file) <= most
    assert {trial.quality for trial in choice.tried if trial.bytes <= most} >= {choice.quality}
    higher = rendered(PNG, SAME | {"format": form, "quality": choice.quality + 1, **effort(form)})
    assert len(higher.file) > most
    assert likeness(out.file) == pytest.approx(choice.score, abs=0.0005)


def test_what_fits_already_is_left_alone():
    out = rendered(PNG, SAME | {"format": "jpeg", "max_bytes": 10_000_000})

    assert out.file == rendered(PNG, SAME | {"format": "jpeg"}).file
    assert [trial.quality for trial in chosen(out).tried] == [80]


def test_a_size_out_of_reach_names_both_values():
    with pytest.raises(ImageError) as found:
        rendered(PNG, SAME | {"format": "jpeg", "max_bytes": 500, "min_quality": 40})

    assert found.value.code == "invalid"
    assert found.value.step == "s1"
    smallest = len(rendered(PNG, SAME | {"format": "jpeg", "quality": 40}).file)
    assert f"{smallest:,} bytes at quality 40 (min_quality)" in found.value.detail
    assert "max_bytes (500)" in found.value.detail


def test_under_same_a_file_without_quality_is_only_measured():
    with pytest.raises(ImageError, match=r"the png has .* more than max_bytes \(1,000\)"):
        rendered(PNG, SAME | {"max_bytes": 1000})
    out = rendered(PNG, SAME | {"max_bytes": 1_000_000, "auto_quality": {}})
    assert out.picture.format == "PNG"


def test_a_target_and_a_size_together_keep_both_as_long_as_they_can():
    free = rendered(PNG, SAME | {"format": "webp", "auto_quality": {"target": 0.97}})
    tight = rendered(
        PNG, SAME | {"format": "webp", "auto_quality": {"target": 0.97}, "max_bytes": len(free.file) // 2}
    )

    assert len(tight.file) <= len(free.file) // 2
    assert chosen(tight).score < 0.97 <= chosen(free).score


# auto


def test_auto_takes_the_smallest_that_looks_the_same():
    out = rendered(PNG, SAME | {"format": "auto"})

    choice = chosen(out)
    (made,) = out.finished.made
    assert made.format == out.picture.format.lower()
    good = [trial for trial in choice.tried if trial.score >= choice.target - 0.005]
    assert len(out.file) == min(trial.bytes for trial in good)
    assert {trial.format for trial in choice.tried} == {"jpeg", "webp", "avif"}
    assert "png" in choice.left_out
    jpeg = rendered(PNG, SAME | {"format": "jpeg"})
    assert len(out.file) < len(jpeg.file)
    assert likeness(out.file) > likeness(jpeg.file) - 0.01


@pytest.mark.skipif(not SHARED.is_dir(), reason="there are no real pictures here")
@pytest.mark.parametrize("name", ["kodak_3.png", "kodak_5.png", "kodak_19.png", "kodak_23.png"])
def test_photos_get_smaller_and_look_the_same(name):
    source = (SHARED / "photos" / name).read_bytes()
    step = {"action": "resize", "width": 768, "height": 768}
    picture = Image.open(BytesIO(source))

    auto, jpeg = (rendered(source, step | {"format": form}) for form in ("auto", "jpeg"))

    assert len(auto.file) < 0.75 * len(jpeg.file)
    assert likeness(auto.file, picture) > likeness(jpeg.file, picture) - 0.012


def test_a_drawing_stays_exact_where_that_is_small():
    source = encoded(drawing(), "PNG")

    out = rendered(source, SAME | {"format": "auto"})

    tried = {(trial.format, trial.quality is None) for trial in chosen(out).tried}
    assert tried >= {("png", True), ("webp", True)}
    assert np.array_equal(np.asarray(out.picture.convert("RGB")), np.asarray(drawing()))
    assert len(out.file) < len(rendered(source, SAME | {"format": "jpeg"}).file)


def test_auto_keeps_transparency():
    clear = PHOTO.copy()
    clear.putalpha(Image.linear_gradient("L").resize(PHOTO.size))

    out = rendered(encoded(clear, "PNG"), SAME | {"format": "auto"})

    assert out.picture.convert("RGBA").getchannel("A").getextrema()[0] < 10
    assert chosen(out).left_out["jpeg"] == "it has no transparency"


def test_transparency_that_nobody_sees_hinders_no_format():
    out = rendered(encoded(PHOTO.convert("RGBA"), "PNG"), SAME | {"format": "auto", "formats": ["jpeg"]})

    assert out.picture.format == "JPEG"
    assert likeness(out.file) > 0.9


def test_auto_keeps_an_animation():
    frames = [PHOTO.resize((80, 60)).rotate(angle) for angle in (0, 5, 10, 10, 20)]
    source = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=70)

    out = rendered(source, {"action": "thumbnail", "width": 60, "format": "auto"})

    assert out.picture.is_animated
    choice = chosen(out)
    assert choice.left_out["jpeg"] == "it has room for one frame only"
    assert all(trial.score > 0.5 for trial in choice.tried)


def test_auto_chooses_from_what_is_allowed():
    out = rendered(PNG, SAME | {"format": "auto", "formats": ["png", "jpeg"]})
    assert out.picture.format == "JPEG"
    only = rendered(PNG, SAME | {"format": "auto", "formats": ["png", "tiff"]})
    assert only.picture.format in {"PNG", "TIFF"}
    assert np.array_equal(only.pixels, np.asarray(PHOTO))


@pytest.mark.parametrize("form", ["heic", "jxl"])
def test_formats_of_extras_are_searched_as_well(form):
    if form not in writable():
        pytest.skip(f"{form} is not written here")

    near = rendered(PNG, SAME | {"format": form, "auto_quality": {"target": 0.95, "encodes": 4}})
    tight = rendered(PNG, SAME | {"format": form, "max_bytes": 2500})
    any_of = rendered(PNG, SAME | {"format": "auto", "formats": [form, "jpeg"]})

    assert chosen(near).score >= 0.95
    assert len(tight.file) <= 2500
    assert {trial.format for trial in chosen(any_of).tried} == {form, "jpeg"}


def test_an_animation_without_loss_in_the_smallest_way():
    pixels = [np.asarray(drawing().resize((60, 45)).rotate(angle)) for angle in (0, 10, 20)]
    source = animation(pixels).webpsave_buffer(lossless=True)

    out = rendered(source, SAME | {"format": "auto", "formats": ["apng", "webp", "png"], "lossless": True})

    choice = chosen(out)
    assert {(trial.format, trial.score) for trial in choice.tried} == {("apng", 1.0), ("webp", 1.0)}
    assert len(out.file) == min(trial.bytes for trial in choice.tried)
    assert out.picture.n_frames == 3
    still_one = rendered(PNG, SAME | {"format": "auto", "formats": ["apng", "png"]})
    assert chosen(still_one).left_out == {"apng": "it is for animations"}


def test_auto_without_loss():
    out = rendered(PNG, SAME | {"format": "auto", "lossless": True})

    assert np.array_equal(np.asarray(out.picture.convert("RGB")), np.asarray(PHOTO))
    assert {trial.format for trial in chosen(out).tried} == {"png", "webp", "avif"}
    assert {trial.score for trial in chosen(out).tried} == {1.0}
    wide = still(np.asarray(PHOTO).astype(np.uint16) * 256 + 7).pngsave_buffer()
    deep = rendered(wide, SAME | {"format": "auto", "lossless": True})
    assert deep.picture.format == "PNG"
    assert chosen(deep).left_out["webp"] == "it has no 16 bits"
    assert np.array_equal(
        pyvips.Image.new_from_buffer(deep.file, "").numpy(), np.asarray(PHOTO).astype(np.uint16) * 256 + 7
    )


def test_auto_with_a_target_reaches_it_in_every_format():
    out = rendered(PNG, SAME | {"format": "auto", "auto_quality": {"target": 0.93, "encodes": 6}})

    choice = chosen(out)
    assert choice.score >= 0.93
    for form in ("jpeg", "webp", "avif"):
        assert 1 <= sum(trial.format == form for trial in choice.tried) <= 6


def test_auto_within_a_size_takes_what_looks_best():
    out = rendered(PNG, SAME | {"format": "auto", "max_bytes": 3000})

    choice = chosen(out)
    assert len(out.file) <= 3000
    fitting = [trial for trial in choice.tried if trial.bytes <= 3000 and trial.score is not None]
    assert choice.score == max(trial.score for trial in fitting)
    with pytest.raises(ImageError, match="max_bytes"):
        rendered(PNG, SAME | {"format": "auto", "max_bytes": 50})


def test_a_picture_too_long_for_one_format_gets_another():
    long = {"action": "resize", "width": 16384, "height": 4, "fit": "fill", "enlarge": True}

    out = rendered(PNG, long | {"format": "auto", "formats": ["webp", "jpeg"]})

    assert out.picture.format == "JPEG"
    assert "at most 16,383" in chosen(out).left_out["webp"]


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_sixteen_bits_and_grey_are_judged_as_well(depth, mode):
    pixels = np.asarray(PHOTO.convert(mode))
    if depth == 16:
        pixels = pixels.astype(np.uint16) * 257
    source = still(pixels).pngsave_buffer()

    out = rendered(source, SAME | {"format": "auto"})

    assert likeness(out.file, PHOTO.convert(mode)) == pytest.approx(chosen(out).score, abs=0.001)
    assert 0.9 < chosen(out).score < 1


def test_other_steps_are_written_as_ever():
    out = rendered(PNG, SAME | {"format": "webp"})

    assert chosen(out) is None


def test_the_same_input_gives_the_same_bytes():
    once, again = (rendered(PNG, SAME | {"format": "auto"}) for _ in range(2))

    assert once.file == again.file
    assert chosen(once) == chosen(again)


@pytest.mark.parametrize(
    ("options", "field", "words"),
    [
        ({"format": "png", "max_bytes": 1000}, "max_bytes", "no meaning for png"),
        ({"format": "gif", "auto_quality": {}}, "auto_quality", "no meaning for gif"),
        ({"format": "webp", "formats": ["webp"]}, "formats", "format: auto"),
        ({"format": "auto", "formats": []}, "formats", "formats"),
        ({"format": "auto", "formats": ["same"]}, "formats[0]", "formats"),
        ({"format": "jpeg", "max_bytes": 0}, "max_bytes", "max_bytes"),
        ({"format": "jpeg", "min_quality": 20}, "min_quality", "give max_bytes"),
        ({"format": "jpeg", "max_bytes": 9, "quality": 30, "min_quality": 40}, "min_quality", "above 30"),
        ({"format": "jpeg", "quality": 30, "auto_quality": {}}, "auto_quality", "leave one"),
        ({"format": "webp", "lossless": True, "max_bytes": 9}, "max_bytes", "lossless"),
        ({"format": "webp", "lossless": True, "auto_quality": {}}, "auto_quality", "lossless"),
        ({"format": "jpeg", "auto_quality": {"min": 80, "max": 20}}, "auto_quality", "above max"),
        ({"format": "jpeg", "auto_quality": {"target": 1.5}}, "auto_quality.target", "target"),
        ({"format": "jpeg", "auto_quality": {"metric": "dssim", "target": 0.9}}, "auto_quality", "0.5"),
        ({"format": "jpeg", "auto_quality": {"metric": "psnr"}}, "auto_quality.metric", "ssim"),
        ({"format": "jpeg", "auto_quality": {"encodes": 99}}, "auto_quality.encodes", "encodes"),
        ({"format": "jpeg", "auto_quality": 0.9}, "auto_quality", "auto_quality"),
    ],
)
def test_what_contradicts_itself_is_refused(options, field, words):
    with pytest.raises(InvalidRequest) as found:
        parse([{"id": "a", **SAME, **options}])

    (problem,) = found.value.problems
    assert (problem.field, problem.step) == (field, "a")
    assert words in problem.message
