"""Several pictures make one: each in its place, or each in its turn."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageSequence

from harness.operating import animation, applied, apply, frames, operation, pixels, psnr, still
from harness.pictures import encoded, photo
from harness.rendering import rendered
from pixelflow.domain.errors import ImageError, InvalidRequest
from pixelflow.domain.installed import writable
from pixelflow.domain.media import BY_NAME
from pixelflow.operations.base import Context
from pixelflow.operations.outline import exactly
from pixelflow.operations.pipeline import parse

OWN = photo(90, 60)
OTHERS = {"tall": photo(40, 80, seed=1), "wide": photo(120, 30, seed=2), "small": photo(10, 10, seed=3)}
NAMES = list(OTHERS)
ASSETS = {name: still(np.asarray(picture)) for name, picture in OTHERS.items()}
ALL = [OWN, *OTHERS.values()]
WHITE = (255, 255, 255)


def sheet(source=OWN, **parameters):
    return applied(np.asarray(source), "contact_sheet", ASSETS, **parameters)


def contained(picture, width, height):
    by = min(width / picture.width, height / picture.height)
    size = max(1, round(picture.width * by)), max(1, round(picture.height * by))
    return picture.resize(size, Image.Resampling.LANCZOS)


def laid_out(pictures, columns, width, height, gap, band=0, ground=WHITE):
    """The sheet by Pillow."""
    rows = -(-len(pictures) // columns)
    size = columns * (width + gap) + gap, rows * (height + band + gap) + gap
    made = Image.new("RGB", size, ground)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        scaled = contained(picture, width, height)
        made.paste(
            scaled,
            (
                gap + column * (width + gap) + (width - scaled.width) // 2,
                gap + row * (height + band + gap) + (height - scaled.height) // 2,
            ),
        )
    return np.asarray(made)


@pytest.mark.parametrize(
    ("parameters", "columns", "width", "height", "gap"),
    [
        ({}, 2, 256, 256, 8),
        ({"width": 50, "height": 40, "gap": 3}, 2, 50, 40, 3),
        ({"width": 50, "height": 40, "columns": 3}, 3, 50, 40, 8),
        ({"width": 31, "height": 47, "columns": 1, "gap": 0}, 1, 31, 47, 0),
        ({"width": 20, "height": 20, "columns": 6, "gap": 1}, 6, 20, 20, 1),
    ],
)
def test_pictures_lie_in_rows_of_cells(parameters, columns, width, height, gap):
    made = sheet(images=NAMES, **parameters)

    wanted = laid_out(ALL, columns, width, height, gap)
    assert made.shape == wanted.shape
    assert psnr(made, wanted) > 38
    outside = (wanted == 255).all(axis=2)
    assert (made[outside] >= 254).mean() > 0.99


@pytest.mark.parametrize(("pictures", "columns"), [(1, 1), (2, 2), (3, 2), (4, 2), (5, 3), (9, 3), (10, 4)])
def test_a_sheet_is_about_as_wide_as_it_is_high(pictures, columns):
    made = sheet(images=["small"] * (pictures - 1), width=10, height=10, gap=0)

    assert made.shape == (-(-pictures // columns) * 10, columns * 10, 3)


def test_the_step_s_own_picture_may_stay_away():
    made = sheet(images=NAMES[:2], own=False, width=40, height=30, gap=2)

    assert psnr(made, laid_out(ALL[1:3], 2, 40, 30, 2)) > 38


def test_a_picture_may_fill_its_cell_and_be_cut_or_distorted():
    cut = sheet(images=["wide"], own=False, width=20, height=30, gap=0, fit="cover")
    wanted = OTHERS["wide"].resize((120, 30)).crop((50, 0, 70, 30))
    np.testing.assert_array_equal(cut, np.asarray(wanted))

    distorted = sheet(images=["wide"], own=False, width=20, height=30, gap=0, fit="stretch")
    assert psnr(distorted, np.asarray(OTHERS["wide"].resize((20, 30), Image.Resampling.LANCZOS))) > 36


@pytest.mark.parametrize(
    ("background", "seen"),
    [("red", (255, 0, 0)), ("transparent", (0, 0, 0, 0)), ("#00ff0080", (0, 255, 0, 128))],
)
def test_the_background_shows_between_and_through(background, seen):
    half = np.full((20, 20, 4), (0, 0, 255, 255), np.uint8)
    half[:10, :, 3] = 0

    made = applied(half, "contact_sheet", width=20, height=20, gap=5, background=background)

    assert made.shape == (30, 30, len(seen))
    assert tuple(made[0, 0]) == seen
    assert tuple(made[8, 15][3:]) == seen[3:]
    assert tuple(made[8, 15][:3]) == (seen[:3] if any(seen) else (0, 0, 255))
    assert tuple(made[20, 15][:3]) == (0, 0, 255)


def test_captions_lie_centred_below_their_cells_on_one_line():
    captions = ["ace", "", "Hg"]
    made = sheet(images=NAMES, captions=captions, width=60, height=60, columns=4, gap=4, size=20, color="red")
    bare = sheet(images=NAMES, width=60, height=60, columns=4, gap=4)

    band = made.shape[0] - bare.shape[0]
    assert band == 30
    np.testing.assert_array_equal(made[:64], bare[:64])
    below = made[64 : 64 + band]
    inked = (below != 255).any(axis=2)
    columns = [np.nonzero(inked[:, 4 + 64 * cell : 68 + 64 * cell])[1] for cell in range(4)]
    assert [part.size > 0 for part in columns] == [True, False, True, False]
    for part in (columns[0], columns[2]):
        assert (part.min() + part.max() + 1) / 2 == pytest.approx(30, abs=1)
    # Letters without a tail end where the others have their line.
    bottoms = [np.nonzero(inked[:, 4 + 64 * cell : 68 + 64 * cell])[0].max() for cell in (0, 2)]
    assert bottoms[1] - bottoms[0] == pytest.approx(0.24 * 20, abs=1.5)
    assert (below[..., 0] == 255).all()
    assert below[..., 1].min() == 0


def test_a_caption_is_cut_off_where_its_cell_ends():
    long = sheet(captions=["word " * 30], width=80, height=20, gap=0)
    short = sheet(captions=["word"], width=80, height=20, gap=0)

    inked = np.nonzero((long[20:] != 255).any(axis=2))[1]
    assert long.shape == short.shape
    assert 60 < np.ptp(inked) + 1 <= 80
    assert (sheet(captions=["mm"], width=3, height=20, gap=0)[20:] == 255).all()


def test_captions_are_shown_as_they_are_typed():
    marked, plain = (
        sheet(captions=[caption], width=200, height=20, gap=0)[20:, :, 0] for caption in ("<b>x</b> &", "x &")
    )

    assert (marked != 255).sum() > 2 * (plain != 255).sum()


def test_a_plan_knows_how_large_a_sheet_will_be():
    moving = animation([np.asarray(photo(30, 20, seed=seed)) for seed in range(3)])
    step = operation("contact_sheet", images=["tall", "job:x"], width=30, height=20, captions=["a"])
    others = {"job:x": replace(exactly(10, 10), frames=2, depth=16, alpha=True)}

    told = step.outline(replace(exactly(30, 20), frames=3), others)

    assets = {"tall": ASSETS["tall"], "job:x": animation([np.zeros((10, 10, 4), np.uint16)] * 2)}
    made = step.apply(moving, Context(assets))
    assert told.size == (made.width, made.height) == (122, 112)
    assert (told.frames, told.alpha, told.depth) == (1, made.hasalpha(), 16 if made.format == "ushort" else 8)


def test_each_frame_of_an_animation_has_a_cell():
    shown = [photo(30, 20, seed=seed) for seed in range(3)]
    moving = animation([np.asarray(frame) for frame in shown])

    made = pixels(apply(moving, "contact_sheet", ASSETS, images=["tall"], width=30, height=20, gap=1))

    assert psnr(made, laid_out([*shown, OTHERS["tall"]], 2, 30, 20, 1)) > 38


@pytest.mark.parametrize("action", ["contact_sheet", "animate"])
@pytest.mark.parametrize("deep", [0, 1])
def test_where_one_has_sixteen_bits_all_have_them(action, deep):
    eight = np.asarray(OWN)
    both = [eight, eight]
    both[deep] = eight.astype(np.uint16) * 257

    made = pixels(apply(still(both[0]), action, {"other": still(both[1])}, images=["other"]))

    assert made.dtype == np.uint16
    half = pixels(apply(still(eight), action, {"other": still(eight)}, images=["other"]))
    np.testing.assert_allclose(made / 257, half, atol=2)


def test_pictures_follow_each_other():
    made = apply(
        still(np.asarray(OWN)), "animate", ASSETS, images=NAMES, width=45, height=30, delay=80, loop=2
    )

    assert (made.width, made.get_page_height(), made.height) == (45, 30, 4 * 30)
    assert made.get("delay") == [80] * 4
    assert made.get("loop") == 2
    for found, picture in zip(frames(made), ALL, strict=True):
        scaled = contained(picture, 45, 30)
        wanted = Image.new("RGBA", (45, 30))
        wanted.paste(scaled, ((45 - scaled.width) // 2, (30 - scaled.height) // 2))
        inside = np.asarray(wanted)[..., 3] == 255
        np.testing.assert_array_equal(found[..., 3] > 0, inside)
        assert psnr(found[inside][:, :3], np.asarray(wanted)[inside][:, :3]) > 36


@pytest.mark.parametrize(
    ("parameters", "size"),
    [
        ({}, (90, 60)),
        ({"width": 45}, (45, 30)),
        ({"height": "50%"}, (45, 30)),
        ({"width": 10, "height": "200%"}, (10, 120)),
        ({"own": False}, (90, 60)),
    ],
)
def test_an_animation_is_as_large_as_its_step_s_picture_unless_told(parameters, size):
    made = apply(still(np.asarray(OWN)), "animate", ASSETS, images=NAMES, fit="cover", **parameters)

    assert (made.width, made.get_page_height()) == size
    assert made.height // made.get_page_height() == 3 + parameters.get("own", True)
    assert made.bands == 3
    told = operation("animate", images=NAMES, **parameters).outline(exactly(90, 60), {})
    assert (told.size, told.frames) == (size, 3 + parameters.get("own", True))


def test_frames_keep_their_delays_unless_told():
    moving = animation([np.asarray(photo(30, 20, seed=seed)) for seed in range(3)]).copy()
    moving.set_type(np_array_of_ints(), "delay", [10, 20, 30])

    assert apply(moving, "animate", ASSETS, images=["small"]).get("delay") == [10, 20, 30, 500]
    assert apply(moving, "animate", ASSETS, images=["small"], delay=[1, 2, 3, 4]).get("delay") == [1, 2, 3, 4]
    with pytest.raises(ImageError, match="2 delays for 4 frames"):
        apply(moving, "animate", ASSETS, images=["small"], delay=[1, 2])


def np_array_of_ints():
    import pyvips

    return pyvips.GValue.array_int_type


def test_the_background_of_an_animation_can_be_opaque():
    made = apply(still(np.asarray(OWN)), "animate", ASSETS, images=["tall"], background="blue")

    assert made.bands == 3
    assert tuple(frames(made)[1][0, 0]) == (0, 0, 255)


def test_what_is_missing_ends_the_step():
    with pytest.raises(ImageError, match="no picture 'lost'"):
        sheet(images=["lost"])
    with pytest.raises(ImageError, match="3 captions for 2 pictures"):
        sheet(images=["tall"], captions=["a", "b", "c"])


@pytest.mark.parametrize("form", [name for name in writable() if BY_NAME[name].animated])
def test_files_become_an_animation(form):
    assets = {name: encoded(picture, "PNG") for name, picture in OTHERS.items()}
    step = {"action": "animate", "images": NAMES, "delay": 120, "fit": "cover"}

    out = rendered(encoded(OWN, "JPEG"), step | ({} if form == "webp" else {"format": form}), assets=assets)

    assert out.picture.format == form.upper().removeprefix("A" if form == "apng" else "")
    assert out.picture.n_frames == 4
    assert out.picture.size == OWN.size
    shown = [(frame.load(), frame.info["duration"])[1] for frame in ImageSequence.Iterator(out.picture)]
    assert shown == [120] * 4


def test_files_of_any_size_become_a_sheet_as_if_they_were_decoded_whole():
    large = {name: photo(1600 + 7 * number, 1203, seed=number) for number, name in enumerate(NAMES)}
    assets = {name: encoded(picture, "JPEG", quality=95) for name, picture in large.items()}
    step = {"action": "contact_sheet", "images": [*NAMES, "source"], "width": 100, "height": 100}

    out = rendered(encoded(photo(2003, 1501), "JPEG", quality=95), step | {"format": "png"}, assets=assets)

    wanted = laid_out([photo(2003, 1501), *large.values(), photo(2003, 1501)], 3, 100, 100, 8)
    assert out.pixels.shape == wanted.shape
    assert psnr(out.pixels, wanted) > 34


def test_an_animated_file_lays_out_all_its_frames():
    shown = [photo(60, 40, seed=seed) for seed in range(5)]
    moving = encoded(shown[0], "GIF", save_all=True, append_images=shown[1:], duration=100)

    out = rendered(moving, {"action": "contact_sheet", "width": 60, "height": 40, "format": "png", "gap": 0})

    assert out.picture.size == (180, 80)


def test_results_of_other_steps_come_with_their_frames():
    out = rendered(
        encoded(OWN, "PNG"),
        {"id": "red", "action": "tint", "color": "red", "output": False},
        {"id": "moving", "action": "animate", "images": ["step:red"], "output": False},
        {
            "id": "all",
            "action": "contact_sheet",
            "images": ["step:moving", "step:red"],
            "gap": 0,
            "columns": 4,
        }
        | {"width": 90, "height": 60},
    )

    np.testing.assert_array_equal(out.pixels[:, :90, :3], np.asarray(OWN))
    np.testing.assert_array_equal(out.pixels[:, :90], out.pixels[:, 90:180])
    np.testing.assert_array_equal(out.pixels[:, 180:270], out.pixels[:, 270:])


def test_limits_hold_for_all_of_them_together():
    assets = {name: encoded(picture, "PNG") for name, picture in OTHERS.items()}
    step = {"action": "animate", "images": NAMES}

    with pytest.raises(ImageError, match=r"4 frames, the limit is 3 \(MAX_IMAGE_FRAMES\)"):
        rendered(encoded(OWN, "PNG"), step, assets=assets, max_image_frames=3)
    with pytest.raises(ImageError, match=r"21,600 pixels in all .*MAX_IMAGE_FRAMES_AREA"):
        rendered(encoded(OWN, "PNG"), step, assets=assets, max_image_frames_area=20_000)
    with pytest.raises(ImageError, match=r"refer to have 6,800 pixels together.*MAX_IMAGE_FRAMES_AREA"):
        rendered(encoded(OWN, "PNG"), step, assets=assets, max_image_frames_area=6_000)
    with pytest.raises(ImageError, match=r"536 pixels on its longer side.*MAX_IMAGE_SIDE"):
        rendered(encoded(OWN, "PNG"), step | {"action": "contact_sheet"}, assets=assets, max_image_side=500)


def test_pipelines_refer_to_so_many_pictures_and_no_more():
    def steps(count):
        return [
            {"id": f"s{index}", "action": "contact_sheet", "images": [f"a{index}-{n}" for n in range(10)]}
            for index in range(count)
        ]

    assert len(parse(steps(6)).needs) == 60
    with pytest.raises(InvalidRequest, match="refer to 70 assets and earlier pictures, at most 60"):
        parse(steps(7))


@pytest.mark.parametrize("form", ["jpeg", "png", "tiff"])
def test_a_format_without_animation_is_refused(form):
    with pytest.raises(InvalidRequest, match=f"{form} has no animation; allowed is one of .*webp.*gif"):
        parse([{"id": "a", "action": "animate", "images": ["x"], "format": form}])
