"""Pictures come out upright, whatever EXIF said, and no longer say it."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageOps

from harness.operating import psnr
from harness.pictures import encoded, photo
from harness.rendering import SHARED, probed, rendered
from pixelflow.domain.errors import ImageError
from pixelflow.domain.limits import ImageLimits
from pixelflow.imaging.prediction import Origin, predict
from pixelflow.operations.outline import exactly
from pixelflow.operations.pipeline import parse

ORIENTATION = 0x0112
_UNDONE = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}


def lying(upright: Image.Image, orientation: int, form: str = "JPEG") -> bytes:
    """A file whose stored pixels need this orientation to be the upright picture."""
    exif = Image.Exif()
    exif[ORIENTATION] = _UNDONE.get(orientation, 1)
    stored = upright.copy()
    stored.info["exif"] = exif.tobytes()
    stored.getexif()[ORIENTATION] = _UNDONE.get(orientation, 1)
    stored = ImageOps.exif_transpose(stored)
    exif[ORIENTATION] = orientation
    options = (
        {"quality": 95, "subsampling": 0} if form == "JPEG" else {"lossless": True} if form == "WEBP" else {}
    )
    return encoded(stored, form, exif=exif.tobytes(), **options)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("size", [(120, 80), (80, 120)])
@pytest.mark.parametrize("orientation", range(9))
def test_every_orientation(orientation, size, form):
    upright = photo(*size, seed=5)
    source = lying(upright, orientation if form != "TIFF" else orientation or 1, form)

    scaled = rendered(source, {"action": "thumbnail", "width": size[0] // 2, "format": "png"})
    whole = rendered(
        source, {"action": "crop", "x": 0, "y": 0, "width": size[0], "height": size[1], "format": "png"}
    )

    assert scaled.picture.size == (size[0] // 2, size[1] // 2)
    half = np.asarray(upright.resize((size[0] // 2, size[1] // 2), Image.Resampling.LANCZOS))
    assert psnr(scaled.pixels, half) > 33
    assert psnr(whole.pixels, np.asarray(upright)) > 38
    assert (scaled.finished.source.width, scaled.finished.source.height) == size
    assert not scaled.picture.getexif()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_targets_are_meant_upright(orientation):
    source = lying(photo(120, 80), orientation)

    out = rendered(
        source,
        {"action": "resize", "width": 30, "height": 30, "fit": "fill"},
        {"action": "thumbnail", "height": 20},
    )

    assert [(made.width, made.height) for made in out.finished.made] == [(30, 30), (30, 20)]


def test_an_orientation_that_is_nonsense_counts_as_none():
    exif = Image.Exif()
    exif[ORIENTATION] = 77

    out = rendered(encoded(photo(120, 80), exif=exif.tobytes()), {"action": "thumbnail", "width": 60})

    assert out.picture.size == (60, 40)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(9))
def test_a_picture_can_be_had_as_it_is_stored(orientation, form):
    source = lying(photo(120, 80, seed=5), orientation, form)
    steps = [
        {"id": "stored", "action": "auto_orient", "ignore": True, "format": "png"},
        {"id": "upright", "action": "thumbnail", "width": 60, "format": "png"},
        {"id": "small", "action": "thumbnail", "width": 40, "from": "stored", "format": "png"},
    ]

    files = rendered(source, *steps).files

    stored = Image.open(BytesIO(source))
    made = {name: Image.open(BytesIO(file)) for name, file in files.items()}
    assert psnr(np.asarray(made["stored"]), np.asarray(stored)) > 38
    assert made["upright"].size == (60, 40)
    assert made["small"].size == (40, round(40 * stored.height / stored.width))
    plan = predict(parse(steps), probed(source), ImageLimits())
    assert {each.id: (each.width, each.height) for each in plan.outputs} == {
        name: picture.size for name, picture in made.items()
    }


def test_only_the_source_can_be_as_it_is_stored():
    ignore = {"id": "stored", "action": "auto_orient", "ignore": True, "from": "small"}

    with pytest.raises(ImageError, match="no other step comes first") as found:
        rendered(lying(photo(120, 80), 6), {"id": "small", "action": "thumbnail", "width": 60}, ignore)

    assert (found.value.code, found.value.step) == ("invalid", "stored")


def test_how_a_described_picture_is_stored_is_not_told():
    steps = [{"id": "stored", "action": "auto_orient", "ignore": True}]

    (told,) = predict(parse(steps), Origin(exactly(120, 80), "jpeg"), ImageLimits()).outputs

    assert (told.width, told.height) == (None, None)


@pytest.mark.skipif(not (SHARED / "orientation").is_dir(), reason="the orientation examples are not here")
@pytest.mark.parametrize("aspect", ["Landscape", "Portrait"])
def test_the_known_examples_all_look_alike(aspect):
    made = [
        rendered(
            (SHARED / "orientation" / f"{aspect}_{number}.jpg").read_bytes(),
            {"action": "thumbnail", "width": 300, "format": "png"},
        ).pixels
        for number in range(9)
    ]

    assert {one.shape for one in made} == {made[0].shape}
    assert (made[0].shape[1] > made[0].shape[0]) == (aspect == "Landscape")
    for one in made[1:]:
        # The digit drawn into each example is all that tells them apart.
        assert psnr(one, made[0]) > 15
