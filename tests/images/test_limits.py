"""What a picture may cost is judged by its header, and told with the setting that changes it."""

import struct
import time
import zlib

import pytest
from PIL import Image

from harness.pictures import encoded, photo
from harness.rendering import rendered
from pixelflow.domain.errors import ImageError

SMALL = {"action": "thumbnail", "width": 10, "format": "png"}


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises these sides and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )


def gif(frames: int) -> bytes:
    pictures = [Image.new("RGB", (20, 10), (9 * index % 256, 0, 0)) for index in range(frames)]
    return encoded(pictures[0], "GIF", save_all=True, append_images=pictures[1:])


def refusal(source: bytes, *steps: dict, **limits: int) -> ImageError:
    with pytest.raises(ImageError) as found:
        rendered(source, *(steps or (SMALL,)), **limits)
    assert found.value.code == "limit"
    return found.value


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF"])
@pytest.mark.parametrize(
    ("field", "setting", "value", "shown"),
    [
        ("max_image_side", "MAX_IMAGE_SIDE", 99, "100"),
        ("max_image_area", "MAX_IMAGE_AREA", 5999, "6,000"),
        ("max_input_bytes", "MAX_UPLOAD_SIZE", 50, "bytes"),
    ],
)
def test_each_limit_names_its_setting(form, field, setting, value, shown):
    error = refusal(encoded(photo(100, 60), form), **{field: value})

    assert setting in error.detail
    assert f"{value:,}" in error.detail
    assert shown in error.detail


def test_frames_are_limited_by_number_and_by_all_their_pixels():
    assert "MAX_IMAGE_FRAMES)" in refusal(gif(7), max_image_frames=6).detail
    assert "MAX_IMAGE_FRAMES_AREA" in refusal(gif(7), max_image_frames_area=7 * 200 - 1).detail
    assert rendered(gif(7), SMALL, max_image_frames=7, max_image_frames_area=1400).picture.size == (10, 5)


def test_channels_are_limited():
    assert "MAX_IMAGE_BANDS" in refusal(encoded(photo(9, 9)), max_image_bands=2).detail


def test_an_output_is_limited_in_bytes():
    error = refusal(
        encoded(photo(300, 300)), {"id": "big", "action": "blur", "format": "png"}, max_output_bytes=2000
    )

    assert "MAX_OUTPUT_BYTES" in error.detail
    assert error.step == "big"


def test_a_result_is_limited_before_it_is_made():
    huge = {"id": "huge", "action": "resize", "width": 65535, "height": 65535, "fit": "fill", "enlarge": True}
    began = time.perf_counter()

    error = refusal(encoded(photo(100, 60)), huge)

    assert error.step == "huge"
    assert "MAX_IMAGE_SIDE" in error.detail
    assert "65,535" in error.detail
    assert time.perf_counter() - began < 1


def test_a_canvas_is_limited_before_it_is_made():
    error = refusal(encoded(photo(100, 60)), {"action": "pad", "width": 16000, "height": 16000})

    assert "MAX_IMAGE_AREA" in error.detail


def test_headers_that_lie_are_refused_at_once():
    began = time.perf_counter()

    assert "MAX_IMAGE_SIDE" in refusal(png_header(1, 10_000_000)).detail
    assert "MAX_IMAGE_AREA" in refusal(png_header(16_000, 16_000)).detail
    with pytest.raises(ImageError, match="truncated or damaged"):
        rendered(png_header(7_000, 7_000), SMALL)

    assert time.perf_counter() - began < 2
