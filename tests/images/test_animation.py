"""Animations keep frames, delays and loops where the format has them, else give their first frame."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageSequence

from harness import operating
from harness.operating import psnr
from harness.pictures import encoded, photo
from harness.rendering import SHARED, rendered
from pixelflow.operations.resampling import resample_strip

FRAMES = [photo(90, 60, seed=seed) for seed in range(4)]
DELAYS = [100, 200, 50, 400]
STEP = {"action": "thumbnail", "width": 45}


def animation(form: str, **options: object) -> bytes:
    return encoded(
        FRAMES[0], form, save_all=True, append_images=FRAMES[1:], duration=DELAYS, loop=3, **options
    )


def frames(content: bytes) -> list[np.ndarray]:
    return [
        np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(Image.open(BytesIO(content)))
    ]


def delays(content: bytes) -> list[int]:
    return [
        frame.info["duration"]
        for frame in ImageSequence.Iterator(Image.open(BytesIO(content)))
        if frame.load()
    ]


@pytest.mark.parametrize("source", ["GIF", "WEBP"])
@pytest.mark.parametrize("form", ["gif", "webp"])
def test_frames_delays_and_loops_stay(source, form):
    out = rendered(animation(source), STEP | {"format": form})

    assert out.picture.n_frames == 4
    # GIF counts what follows the first showing, WebP all of them.
    shown = {"GIF": 4, "WEBP": 3}[source]
    assert out.picture.info["loop"] == {"gif": shown - 1, "webp": shown}[form]
    assert delays(out.file) == DELAYS
    assert (out.finished.made[0].width, out.finished.made[0].height) == (45, 30)
    for found, frame in zip(frames(out.file), FRAMES, strict=True):
        assert psnr(found, np.asarray(frame.resize((45, 30), Image.Resampling.LANCZOS))) > 20


@pytest.mark.parametrize("form", ["jpeg", "png", "tiff"])
@pytest.mark.parametrize("source", ["GIF", "WEBP"])
def test_elsewhere_the_first_frame_is_taken(source, form):
    out = rendered(animation(source), STEP | {"format": form})

    assert getattr(out.picture, "n_frames", 1) == 1
    first = np.asarray(FRAMES[0].resize((45, 30), Image.Resampling.LANCZOS))
    assert psnr(np.asarray(out.picture.convert("RGB")), first) > 20
    assert (out.finished.made[0].width, out.finished.made[0].height) == (45, 30)


def test_a_still_and_an_animation_from_one_file():
    out = rendered(
        animation("WEBP", lossless=True),
        {"id": "moving", "action": "thumbnail", "width": 45, "format": "webp"},
        {"id": "still", "action": "thumbnail", "width": 20, "format": "png"},
    )

    assert Image.open(BytesIO(out.files["moving"])).n_frames == 4
    still = Image.open(BytesIO(out.files["still"]))
    assert still.size == (20, 13)
    assert psnr(np.asarray(still), np.asarray(FRAMES[0].resize((20, 13), Image.Resampling.LANCZOS))) > 30


def test_every_frame_is_worked_on_alone():
    out = rendered(
        animation("WEBP", lossless=True),
        {"action": "crop", "x": 10, "y": 10, "width": 30, "height": 20, "format": "webp", "lossless": True},
    )

    for found, frame in zip(frames(out.file), FRAMES, strict=True):
        assert np.array_equal(found, np.asarray(frame)[10:30, 10:40])


@pytest.mark.parametrize("size", [(45, 30), (90, 60), (31, 60), (90, 7), (13, 9), (1, 1)])
@pytest.mark.parametrize("transparent", [False, True])
def test_every_frame_is_scaled_as_if_it_were_alone(size, transparent):
    shown = [frame.convert("RGBA") for frame in FRAMES]
    if transparent:
        for turn, frame in enumerate(shown):
            frame.putalpha(photo(90, 60, seed=9).getchannel(0).rotate(180 * turn))

    found = operating.frames(
        resample_strip(operating.animation([np.asarray(frame) for frame in shown]), *size)
    )

    assert len(found) == len(shown)
    for one, frame in zip(found, shown, strict=True):
        alone = np.asarray(frame.resize(size, Image.Resampling.LANCZOS))
        assert one.shape == alone.shape
        assert psnr(one, alone) > 36


@pytest.mark.parametrize("step", [{}, {"fit": "cover", "width": 20}, {"fit": "contain", "background": "red"}])
def test_no_frame_bleeds_into_the_next(step):
    flat = [Image.new("RGB", (91, 61), color) for color in ("black", "white", "blue", "white")]
    source = encoded(flat[0], "WEBP", save_all=True, append_images=flat[1:], lossless=True)

    out = rendered(
        source,
        {"action": "resize", "width": 37, "height": 31, "format": "webp", "lossless": True} | step,
    )

    left, top = (0, 3) if step.get("fit") == "contain" else (0, 0)
    for found, frame in zip(frames(out.file), flat, strict=True):
        height = found.shape[0] - 2 * top
        inner = found[top : top + height, left:]
        assert np.array_equal(inner, np.broadcast_to(np.asarray(frame)[0, 0], inner.shape))


def test_one_frame_is_no_animation():
    out = rendered(
        encoded(FRAMES[0], "GIF"), {"action": "resize", "width": 180, "enlarge": True, "format": "webp"}
    )

    assert out.picture.n_frames == 1
    assert out.picture.size == (180, 120)


@pytest.mark.skipif(not (SHARED / "formats").is_dir(), reason="the pictures of many kinds are not here")
@pytest.mark.parametrize(
    "name", ["rotating-squares.gif", "rotating-squares.webp", "animated-loop-3.gif", "animated-loop-3.webp"]
)
def test_real_animations(name):
    source = (SHARED / "formats" / name).read_bytes()
    original = Image.open(BytesIO(source))

    out = rendered(source, {"action": "thumbnail", "width": 60})

    assert out.picture.format == original.format
    # Frames that show the same are written as one that shows longer.
    assert 1 < out.picture.n_frames <= original.n_frames
    assert sum(delays(out.file)) == sum(delays(source))
    assert out.picture.info.get("loop", 0) == original.info.get("loop", 0)
