"""What rendering takes: large pictures stream, and no picture takes more than a decoder may have."""

import sys

import pytest
import pyvips

from harness.peak import peaks
from harness.rendering import SHARED
from pixelflow.domain.limits import ImageLimits

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")

WIDTH, HEIGHT = 8000, 6200
WHOLE = WIDTH * HEIGHT * 3
MEMORY = ImageLimits().max_memory_bytes
STREAMED = [
    [{"id": "made", "action": "resize", "width": 4000, "format": "jpeg"}],
    [{"id": "made", "action": "thumbnail", "width": 400, "format": "jpeg"}],
    [{"id": "made", "action": "blur", "sigma": 3, "format": "jpeg"}],
    [{"id": "made", "action": "metadata", "format": "jpeg"}],
]
WANTED = [
    [
        {"id": "large", "action": "resize", "width": 1600, "format": "webp", "effort": 0},
        {"id": "soft", "action": "blur", "sigma": 2, "output": False},
        {"id": "turned", "from": "soft", "action": "rotate", "angle": 20, "format": "jpeg"},
        {"id": "lit", "from": "soft", "action": "normalize", "format": "png"},
    ],
    [{"id": "hash", "action": "phash"}],
]


@pytest.fixture(scope="module")
def large():
    across, down = pyvips.Image.xyz(WIDTH, HEIGHT).bandsplit()
    made = (across / 40).bandjoin([down / 30, (across + down) / 60]).cast("uchar")
    return made.copy(interpretation="srgb").copy_memory()


@pytest.mark.parametrize(
    ("ending", "options"),
    [("jpg", {"Q": 80}), ("png", {"compression": 1}), ("tif", {"compression": "deflate"})],
)
def test_fifty_megapixels_are_never_in_memory_as_a_whole(large, tmp_path, ending, options):
    file = tmp_path / f"large.{ending}"
    large.write_to_file(str(file), **options)

    for taken in peaks(STREAMED, [file], MEMORY):
        assert taken["error"] is None
        assert taken["peak"] - taken["before"] < WHOLE / 2, taken


@pytest.mark.skipif(not SHARED.exists(), reason="the shared pictures are not here")
def test_no_picture_takes_more_than_a_decoder_may_have():
    files = sorted(file for file in SHARED.rglob("*.*") if file.is_file() and file.suffix != ".md")

    found = peaks(WANTED, files, MEMORY)

    assert len(found) == len(files) * len(WANTED)
    words = ("out of memory", "allocate")
    assert [one for one in found if any(word in (one["error"] or "") for word in words)] == []
    assert max(one["peak"] for one in found) < MEMORY
