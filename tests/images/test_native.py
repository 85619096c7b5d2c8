"""What the decoder loads, and what it refuses to."""

import os
import re
import subprocess
import sys
from pathlib import Path

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

SHARED = """
import ctypes
import sys
from pixelflow.domain.errors import StartupError
from pixelflow.imaging import native
try:
    ctypes.CDLL(sys.argv[1])
except OSError:
    sys.exit(77)
native.FLOORS[sys.argv[1].split(".")[0]] = (99,)
try:
    native.load()
except StartupError as error:
    print(error.detail)
"""


def test_versions_are_told():
    versions = render.prepare()

    native.check(versions)
    assert {"libvips", "pyvips", "simplejpeg", "pillow", "libwebp (pillow)", "libjpeg-turbo (pillow)"} <= set(
        versions
    )
    assert all(versions.values())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists what is mapped")
def test_the_wheel_stands_for_the_codecs_inside_its_libvips():
    versions = render.prepare()
    mapped = Path("/proc/self/maps").read_text()

    assert ("pyvips-binary" in versions) == ("pyvips_binary.libs/libvips" in mapped)


@pytest.mark.parametrize(
    ("versions", "old"),
    [
        ({"libvips": "8.18.5"}, "libvips 8.18.5"),
        ({"libvips": "8.18.7", "libheif": "1.23.2"}, "libheif 1.23.2"),
        ({"libvips": "8.18.7", "libheif": "1.9.9"}, "libheif 1.9.9"),
        ({"libvips": "8.18.7", "libheif": "libheif.so.1"}, "libheif libheif.so.1"),
    ],
)
def test_a_library_that_is_too_old_is_refused_with_the_remedy(versions, old):
    with pytest.raises(
        StartupError, match=rf"{old} is loaded, \d.* or newer is needed.*libvips-dev.*pip install"
    ):
        native.check(versions)


def test_a_library_at_its_floor_is_taken():
    native.check({"libvips": "8.18.6", "libheif": "1.23.3"})
    native.check({"libvips": "8.19.0", "libheif": "1.100.0-rc1"})


def test_the_floor_of_libvips_holds_for_what_is_loaded(monkeypatch):
    monkeypatch.setitem(native.FLOORS, "libvips", (99, 0, 1))

    with pytest.raises(StartupError, match=r"99\.0\.1 or newer is needed"):
        native.load()


@pytest.mark.parametrize(
    "library",
    ["libheif.so.1", "libpng16.so.16", "libtiff.so.6", "libwebp.so.7", "libaom.so.3", "libdav1d.so.6"],
)
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists what is mapped")
def test_a_shared_codec_is_asked_itself_and_held_to_its_floor(library):
    """In a process of its own, since what is mapped stays; with the system's library where there is one."""
    ran = subprocess.run([sys.executable, "-c", SHARED, library], capture_output=True, text=True)
    if ran.returncode == 77:
        pytest.skip(f"no {library} here")

    assert ran.returncode == 0, ran.stderr
    name = library.split(".")[0]
    assert re.fullmatch(rf"{name} \d+\.\d+\.\d+ is loaded, 99 or newer is needed; .*", ran.stdout.strip())


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
