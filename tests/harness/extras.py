"""Tests of formats that extras bring: passed over at home where one is not installed, never in CI."""

import os
from io import BytesIO

import pytest
from PIL import Image

from harness.pictures import encoded
from pixelflow.domain.installed import has


def needs(extra: str) -> pytest.MarkDecorator:
    """Skips a test where the extra's packages are not there."""
    return pytest.mark.skipif(
        not has(extra) and not os.environ.get("CI"), reason=f"the extra {extra!r} is not installed"
    )


def heif(picture: Image.Image, **options: object) -> bytes:
    """A HEIC."""
    import pillow_heif

    file = BytesIO()
    pillow_heif.from_pillow(picture).save(file, **options)
    return file.getvalue()


def jxl(picture: Image.Image, **options: object) -> bytes:
    """A JPEG XL."""
    import pillow_jxl

    assert pillow_jxl
    return encoded(picture, "JXL", **options)
