"""What the decoder loads, and what it refuses to."""

import os
import subprocess
import sys

import pytest
import pyvips

from harness.rendering import rendered
from pixelflow.domain.errors import ImageError, StartupError
from pixelflow.imaging import native, render

DRAW = """
import sys
import pyvips
from pixelflow.imaging import native
native.load()
for font in sys.argv[1:]:
    print(hash(bytes(pyvips.Image.text("Hamburg", font=font).write_to_memory())))
"""


def test_versions_are_told():
    versions = render.prepare()

    assert tuple(map(int, versions["libvips"].split("."))) >= native.LIBVIPS_FLOOR
    assert {"pyvips", "simplejpeg", "pillow", "libwebp"} <= set(versions)
    assert all(versions.values())


def test_a_library_that_is_too_old_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setattr(native, "LIBVIPS_FLOOR", (99, 0, 1))

    with pytest.raises(StartupError, match=r"99\.0\.1 or newer is needed.*libvips-dev.*pip install"):
        native.load()


def test_other_loaders_are_blocked(tmp_path):
    render.prepare()

    with pytest.raises(pyvips.Error, match="blocked"):
        pyvips.Image.svgload_buffer(b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")
    (tmp_path / "matrix.csv").write_text("1,2\n3,4\n")
    with pytest.raises(pyvips.Error, match="blocked"):
        pyvips.Image.csvload(str(tmp_path / "matrix.csv"))


def test_text_is_drawn_with_the_shipped_fonts_alone():
    drawn = subprocess.run(
        [
            sys.executable,
            "-c",
            DRAW,
            "Noto Sans 24",
            "DejaVu Sans 24",
            "Liberation Serif 24",
            "Noto Sans Bold 24",
        ],
        env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0", **native.environment()},
        check=True,
        capture_output=True,
        text=True,
    )

    regular, *substitutes, bold = drawn.stdout.split()
    assert substitutes == [regular, regular]
    assert bold != regular
    assert drawn.stderr == ""


def test_warming_up_uses_only_the_files_it_is_given(tmp_path):
    from pixelflow.imaging import warmup

    render.prepare()
    files = [os.open(tmp_path / str(number), os.O_RDWR | os.O_CREAT) for number in range(warmup.SCRATCH)]
    try:
        render.warm_up(files)
        assert all(os.fstat(file).st_size for file in files)
    finally:
        for file in files:
            os.close(file)


def test_a_huge_jpeg_is_streamed():
    big = pyvips.Image.black(7000, 6900, bands=3).copy(interpretation="srgb").jpegsave_buffer(Q=50)

    out = rendered(big, {"action": "thumbnail", "width": 3600, "format": "jpeg"})

    assert out.picture.size == (3600, 3549)
    with pytest.raises(ImageError, match="truncated"):
        rendered(big[: len(big) // 2], {"action": "thumbnail", "width": 3600, "format": "jpeg"})
