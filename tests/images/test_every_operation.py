"""What holds for every operation: any depth, any bands, any size, every frame."""

import json
from io import BytesIO

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms

from harness.operating import Pixels, animation, apply, frames, operation, pixels, still
from harness.pictures import encoded, photo
from harness.rendering import rendered
from pixelflow.operations.outline import Outline
from pixelflow.operations.registry import operations

RELATIVE = ImageCms.Intent.RELATIVE_COLORIMETRIC
SAMPLES = [
    ("resize", {"width": 21}),
    ("resize", {"width": 21, "height": 40, "fit": "cover"}),
    ("resize", {"width": 21, "height": 40, "fit": "cover_down", "gravity": {"x": 0.9, "y": 0.1}}),
    ("resize", {"width": 90, "height": 90, "fit": "contain", "background": "red"}),
    ("resize", {"width": 90, "height": 90, "fit": "contain", "background": "blur", "enlarge": True}),
    ("resize", {"width": "150%", "fit": "fill", "enlarge": True, "kernel": "nearest"}),
    ("resize", {"width": 20, "linear": True}),
    ("thumbnail", {"width": 21, "height": 21}),
    ("thumbnail", {"width": 21, "height": 21, "gravity": "north"}),
    ("zoom", {"x": 0.5, "y": 0.25}),
    ("zoom", {"x": 0.3, "y": 1.5}),
    ("crop", {"aspect_ratio": "1:2"}),
    ("crop", {"width": "50%", "height": 1, "gravity": "south_east"}),
    ("trim", {"threshold": 0, "color": "magenta"}),
    ("rotate", {"angle": 90}),
    ("rotate", {"angle": 30, "background": "#f008"}),
    ("flip", {"axis": "horizontal"}),
    ("flip", {"axis": "both"}),
    ("auto_orient", {}),
    ("background", {"color": "orange"}),
    ("pad", {"top": 3, "left": "10%", "color": "green"}),
    ("pad", {"width": 80, "height": 80, "mode": "mirror"}),
    ("pad", {"aspect_ratio": "3:1", "mode": "blur"}),
    ("extend", {"width": 80, "height": 80, "gravity": "north", "color": "#0f08"}),
    ("extend", {"aspect_ratio": "3:1", "mode": "repeat"}),
    ("border", {"width": "10%", "color": "blue"}),
    ("round_corners", {"radius": "max"}),
    ("round_corners", {"radius": 9, "color": "teal"}),
    ("blur", {"sigma": 2}),
    ("blur", {"sigma": 30}),
    ("sharpen", {"sigma": 1.5}),
    ("unsharp", {"sigma": 2, "amount": 1.5}),
    ("pixelate", {"size": 7}),
    ("median", {"size": 5}),
    ("redact", {"regions": [{"x": 0, "y": "10%", "width": 20, "height": "50%"}]}),
    (
        "redact",
        {"regions": [{"x": -3, "y": 0, "width": 20, "height": 9}], "mode": "pixelate", "shape": "ellipse"},
    ),
    ("redact", {"regions": [{"x": 0, "y": 0, "width": 5, "height": 9}], "mode": "color", "color": "#0f08"}),
    ("convolve", {"kernel": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], "scale": 4, "offset": 128}),
    ("grayscale", {}),
    ("sepia", {}),
    ("invert", {}),
    ("adjust", {"brightness": 1.2, "hue": 40, "saturation": 0.5, "contrast": 1.5, "lightness": -5}),
    ("tint", {"color": "orange", "amount": 0.7}),
    ("duotone", {"shadow": "#102040", "highlight": "#fc6"}),
    ("gamma", {"value": 1.7}),
    ("threshold", {"value": 100}),
    ("normalize", {"lower": 5, "upper": 90}),
    ("equalize", {}),
    ("clahe", {"width": 8, "height": "50%"}),
    ("noise", {"amount": 0.05, "seed": 7}),
    ("vignette", {}),
    ("gradient", {"color": "orange", "opacity": 0.7, "direction": 30, "start": 0.2}),
    ("watermark", {"image": "mark", "scale": 0.5, "opacity": 0.5}),
    ("watermark", {"image": "mark", "tile": "chess", "rotate": 30, "blend": "screen"}),
    (
        "composite",
        {"layers": [{"image": "mark", "blend": "overlay"}, {"image": "mark", "gravity": "ne", "x": 3}]},
    ),
    ("text", {"text": "Ag", "size": 12, "color": "red", "stroke": 1}),
    ("text", {"text": "Ag", "width": "80%", "height": "50%", "tile": "grid", "background": "#00f8"}),
    ("contact_sheet", {"width": 20, "height": 30, "gap": 3, "background": "teal"}),
    ("animate", {"width": 20, "height": 30, "background": "teal"}),
    ("frames", {"loop": 2, "delay": 40}),
    ("icc", {"to": "p3"}),
    ("metadata", {"set": {"artist": "Ada"}}),
]
STREAMED = [
    sample
    for sample in [
        *SAMPLES,
        ("blur", {"sigma": 60}),
        ("median", {"size": 51}),
        *((told, {}) for told in ("blurhash", "thumbhash", "palette", "phash")),
    ]
    if operations()[sample[0]].streams
]
NAMES = [f"{action}-{index}" for index, (action, _) in enumerate(SAMPLES)]


def kinds(picture: Pixels) -> dict[str, Pixels]:
    """The same picture in every depth and number of bands that loading hands on."""
    grey = picture[..., 1:2]
    alpha = picture[..., 2:3]
    eight = {
        "grey": grey,
        "grey-alpha": np.concatenate([grey, alpha], 2),
        "rgb": picture,
        "rgba": np.concatenate([picture, alpha], 2),
    }
    wide = {f"{name}-16": array.astype(np.uint16) * 257 for name, array in eight.items()}
    return eight | wide


KINDS = kinds(np.asarray(photo(48, 36)))
TALL = kinds(np.asarray(photo(300, 3000)))
"""Wider than a tile, and higher than any cache of rows."""
MARK = still(kinds(np.asarray(photo(9, 7, seed=5)))["rgba"])


def test_every_operation_that_makes_an_image_is_sampled():
    makes_image = {name for name, model in operations().items() if model.produces == "image"}
    assert makes_image == {action for action, _ in SAMPLES}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("action", "parameters"), SAMPLES, ids=NAMES)
def test_depth_stays_and_nothing_is_lost(action, parameters, kind):
    picture = KINDS[kind]

    made = apply(still(picture), action, {"mark": MARK}, **parameters)

    array = pixels(made)
    assert array.dtype == picture.dtype
    assert array.shape[2] in {1, 2, 3, 4}
    if picture.shape[2] in {2, 4} and action not in {"background", "contact_sheet", "animate"}:
        assert made.hasalpha()
    wanted = operation(action, **parameters).target(48, 36)
    if action in {"resize", "thumbnail", "zoom", "crop", "pad", "extend", "border"}:
        assert (made.width, made.height) == wanted


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("action", "parameters"), SAMPLES, ids=NAMES)
def test_what_comes_out_was_foretold(action, parameters, kind):
    picture = KINDS[kind]
    bands, depth = picture.shape[2], picture.dtype.itemsize * 8
    given = Outline((48, 48), (36, 36), alpha=bands in {2, 4}, color=bands > 2, depth=depth)

    made = apply(still(picture), action, {"mark": MARK}, **parameters)

    told = operation(action, **parameters).outline(given, {})
    assert told.most == (made.width, made.height) or action == "trim"
    assert told.alpha in {None, made.hasalpha()}
    assert told.alpha is not None or action in {"watermark", "composite"}
    assert (told.frames, told.depth) == (1, depth)


@pytest.mark.parametrize("kind", ["grey", "rgba", "rgb-16"])
@pytest.mark.parametrize(
    ("action", "parameters"), STREAMED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_one_that_streams_reads_once_from_the_top(action, parameters, kind):
    whole = still(TALL[kind])
    stream = pyvips.Image.new_from_buffer(whole.pngsave_buffer(), "", access="sequential")

    made = apply(stream, action, **parameters)

    if isinstance(made, dict):
        assert made == apply(whole, action, **parameters)
    else:
        wanted = apply(whole, action, **parameters)
        # As an encoder reads it: in strips, and once.
        assert made.pngsave_buffer(keep="none") == wanted.pngsave_buffer(keep="none")


@pytest.mark.parametrize("kind", ["grey", "rgba", "rgb-16", "grey-alpha-16"])
@pytest.mark.parametrize(("action", "parameters"), [s for s in SAMPLES if s[0] != "contact_sheet"])
def test_every_frame_of_an_animation_is_treated_like_a_still(action, parameters, kind):
    stills = [kinds(np.asarray(photo(48, 36, seed)))[kind] for seed in range(3)]

    moving = apply(animation(stills), action, {"mark": MARK}, **parameters)

    assert moving.get_page_height() * 3 == moving.height
    for frame, alone in zip(frames(moving), stills, strict=True):
        expected = pixels(apply(still(alone), action, {"mark": MARK}, **parameters))
        np.testing.assert_array_equal(frame, expected)


@pytest.mark.parametrize(("action", "parameters"), [s for s in SAMPLES if s[0] not in {"icc", "animate"}])
def test_ink_is_treated_as_the_colours_that_it_makes(action, parameters):
    ink = encoded(photo(48, 36).convert("CMYK"), "TIFF")
    profile = ImageCms.ImageCmsProfile(BytesIO(pyvips.Operation.call("profile_load", "cmyk")))
    seen = ImageCms.profileToProfile(
        Image.open(BytesIO(ink)), profile, ImageCms.createProfile("sRGB"), RELATIVE, outputMode="RGB"
    )
    mark = encoded(Image.fromarray(pixels(MARK)), "PNG")

    by_ink = rendered(ink, {"action": action, **parameters, "format": "png"}, assets={"mark": mark}).pixels
    wanted = pixels(apply(still(np.asarray(seen)), action, {"mark": MARK}, **parameters))

    found = by_ink if by_ink.ndim == 3 else by_ink[..., None]
    assert found.shape == wanted.shape
    # What is converted may be off by one, and what sharpens or spreads values makes more of it.
    near = np.abs(found.astype(int) - wanted) <= (8 if action in {"convolve", "clahe", "equalize"} else 4)
    assert near.mean() > 0.97


JSON = [(name, {}) for name, model in operations().items() if model.produces == "json"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("action", "parameters"), JSON, ids=[name for name, _ in JSON])
def test_what_is_told_of_a_picture_is_told_of_every_kind_and_of_the_first_frame(action, parameters, kind):
    stills = [kinds(np.asarray(photo(48, 36, seed)))[kind] for seed in range(3)]

    told = apply(still(stills[0]), action, **parameters)
    of_moving = apply(animation(stills), action, **parameters)

    assert json.loads(json.dumps(told)) == told
    assert {key: value for key, value in of_moving.items() if key != "frames"} == {
        key: value for key, value in told.items() if key != "frames"
    }


@pytest.mark.parametrize("kind", ["grey", "rgba", "rgb-16"])
@pytest.mark.parametrize(("action", "parameters"), SAMPLES, ids=NAMES)
def test_a_single_pixel_is_a_picture(action, parameters, kind):
    made = apply(still(KINDS[kind][:1, :1]), action, {"mark": MARK}, **parameters)

    array = pixels(made)
    assert array.shape[0] >= 1
    assert array.shape[1] >= 1
    assert array.dtype == KINDS[kind].dtype


@pytest.mark.parametrize(
    ("action", "parameters"), [s for s in SAMPLES if s[0] not in {"text", "watermark", "composite"}]
)
def test_what_was_wholly_transparent_stays_so(action, parameters):
    nothing = np.zeros((36, 48, 4), np.uint8)
    nothing[..., :3] = KINDS["rgb"]

    made = apply(still(nothing), action, **parameters)

    if action in {
        "background",
        "rotate",
        "pad",
        "extend",
        "border",
        "round_corners",
        "resize",
        "redact",
        "contact_sheet",
        "animate",
    } and ("color" in parameters or "background" in parameters):
        return  # the colour is what shows
    assert pixels(made)[..., -1].max() == 0
