"""A side that cannot be divided while a JPEG is decoded smaller keeps its true length."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from harness.operating import psnr
from harness.pictures import encoded, photo
from harness.rendering import rendered

PHOTO = photo(1003, 763, seed=3)
COVER = {"id": "cover", "action": "resize", "width": 200, "height": 100, "fit": "cover", "format": "png"}
WHOLE = {"id": "whole", "action": "thumbnail", "width": 200, "format": "png"}


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "L"])
@pytest.mark.parametrize("step", [COVER, WHOLE])
def test_what_was_converted_for_another_step_before_is_scaled_alike(mode, step):
    source = encoded(PHOTO.convert(mode), "JPEG", quality=95)

    alone = rendered(source, step).file
    after = rendered(source, {"id": "hash", "action": "blurhash"}, step).files[step["id"]]

    assert psnr(*(np.asarray(Image.open(BytesIO(file)).convert("RGB")) for file in (after, alone))) > 50


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "L"])
def test_it_is_what_scaling_all_of_it_gives(mode):
    source = encoded(PHOTO.convert(mode), "JPEG", quality=95)
    whole = rendered(source, {"action": "crop", "x": 0, "y": 0, "format": "png"}).picture.convert("RGB")
    wanted = whole.resize((200, 152), Image.Resampling.LANCZOS)

    found = rendered(source, WHOLE).picture.convert("RGB")

    assert psnr(np.asarray(found), np.asarray(wanted)) > 45
