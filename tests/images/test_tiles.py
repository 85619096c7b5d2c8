"""Tiles, read back as each layout's specification says."""

import json
from io import BytesIO
from math import ceil, log2
from xml.etree import ElementTree as ET
from zipfile import ZIP_STORED, ZipFile

import numpy as np
import pytest
from PIL import Image

from harness.operating import animation, psnr, still
from harness.pictures import encoded, photo
from harness.rendering import rendered
from pixelflow.domain.errors import InvalidRequest
from pixelflow.operations.pipeline import parse

SIZES = [(601, 403), (256, 256), (40, 30), (513, 64), (1, 300)]


def unzipped(file: bytes) -> dict[str, bytes]:
    with ZipFile(BytesIO(file)) as archive:
        assert archive.testzip() is None
        assert {entry.compress_type for entry in archive.infolist()} == {ZIP_STORED}
        names = archive.namelist()
        assert len(names) == len(set(names))
        return {name: archive.read(name) for name in names}


def tiled(picture: Image.Image, **options: object) -> dict[str, bytes]:
    out = rendered(encoded(picture, "PNG"), {"action": "tiles", **options})
    (made,) = out.finished.made
    assert (made.format, made.width, made.choice) == ("zip", None, None)
    return unzipped(out.file)


def opened(file: bytes, form: str = "PNG") -> np.ndarray:
    picture = Image.open(BytesIO(file))
    assert picture.format == form
    return np.asarray(picture.convert("RGB"))


def alike(level: np.ndarray, picture: Image.Image, tolerance: float = 2.5) -> None:
    """The picture itself, or what the mean of squares of 2, 4, 8, … pixels makes of it.

    At the right and at the bottom, where a square is not full, the last pixels may be of any mean.
    """
    pixels = np.asarray(picture).astype(float)
    by = 1
    while ceil(pixels.shape[1] / by) > level.shape[1] or ceil(pixels.shape[0] / by) > level.shape[0]:
        by *= 2
    if by == 1:
        assert np.array_equal(level, picture)
    full = pixels[: pixels.shape[0] // by * by, : pixels.shape[1] // by * by]
    if full.size:
        rows, columns = full.shape[0] // by, full.shape[1] // by
        means = full.reshape(rows, by, columns, by, 3).mean((1, 3))
        assert np.abs(level[:rows, :columns] - means).max() <= tolerance


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("overlap", [0, 3])
def test_deep_zoom(size, overlap):
    """[MS-DZI]: level n is half of n + 1, rounded up, down to one pixel; inner sides overlap."""
    picture = photo(*size)
    files = tiled(picture, size=64, overlap=overlap, format="png")

    described = ET.fromstring(files.pop("tiles.dzi"))
    space = "{http://schemas.microsoft.com/deepzoom/2008}"
    assert described.tag == f"{space}Image"
    assert described.attrib == {"Format": "png", "Overlap": str(overlap), "TileSize": "64"}
    sides = described.find(f"{space}Size").attrib
    assert (int(sides["Width"]), int(sides["Height"])) == size
    last = ceil(log2(max(size)))
    for level in range(last + 1):
        width, height = (ceil(side / 2 ** (last - level)) for side in size)
        whole = np.zeros((height, width, 3), np.uint8)
        for column in range(ceil(width / 64)):
            for row in range(ceil(height / 64)):
                tile = opened(files.pop(f"tiles_files/{level}/{column}_{row}.png"))
                left, top = column * 64 - overlap * (column > 0), row * 64 - overlap * (row > 0)
                right, below = min(width, (column + 1) * 64 + overlap), min(height, (row + 1) * 64 + overlap)
                assert tile.shape == (below - top, right - left, 3)
                whole[top:below, left:right] = tile
        alike(whole, picture)
    assert not files


@pytest.mark.parametrize("size", [(1200, 1100), (64, 40), (130, 65)])
def test_zoomify(size):
    """Tiers from one tile up, each twice the one before; tiles are numbered from the top, 256 to a group."""
    picture = photo(*size)
    files = tiled(picture, layout="zoomify", size=64, quality=95)

    described = ET.fromstring(files.pop("tiles/ImageProperties.xml")).attrib
    assert (int(described["WIDTH"]), int(described["HEIGHT"]), described["TILESIZE"]) == (*size, "64")
    assert int(described["NUMTILES"]) == len(files)
    tiers = [size]
    while max(tiers[0]) > 64:
        tiers.insert(0, tuple(ceil(side / 2) for side in tiers[0]))
    number = 0
    for tier, (width, height) in enumerate(tiers):
        whole = np.zeros((height, width, 3), np.uint8)
        for row in range(ceil(height / 64)):
            for column in range(ceil(width / 64)):
                name = f"tiles/TileGroup{number // 256}/{tier}-{column}-{row}.jpg"
                tile = opened(files.pop(name), "JPEG")
                number += 1
                place = slice(row * 64, row * 64 + 64), slice(column * 64, column * 64 + 64)
                assert whole[place].shape == tile.shape
                whole[place] = tile
        if tier == len(tiers) - 1:
            assert psnr(whole, np.asarray(picture)) > 33
        else:
            alike(whole, picture, 40)
    assert not files


@pytest.mark.parametrize("size", SIZES)
def test_google(size):
    """z/y/x from one square up to the whole size; tiles are whole, white beyond the picture."""
    picture = photo(*size)
    files = tiled(picture, layout="google", size=64, format="png")

    last = max(0, ceil(log2(max(size) / 64)))
    for z in range(last + 1):
        width, height = (ceil(side / 2 ** (last - z)) for side in size)
        columns, rows = ceil(width / 64), ceil(height / 64)
        assert max(columns, rows) <= 2**z
        whole = np.zeros((rows * 64, columns * 64, 3), np.uint8)
        for y in range(rows):
            for x in range(columns):
                tile = opened(files.pop(f"tiles/{z}/{y}/{x}.png"))
                assert tile.shape == (64, 64, 3)
                whole[y * 64 : y * 64 + 64, x * 64 : x * 64 + 64] = tile
        alike(whole[:height, :width], picture)
        if z == last:
            assert (whole[height:] == 255).all()
            assert (whole[:, width:] == 255).all()
    assert not files


@pytest.mark.parametrize("layout", ["iiif", "iiif3"])
@pytest.mark.parametrize("size", SIZES)
def test_iiif(layout, size):
    """Image API 2.1 and 3.0, level 0: every tile that info.json promises is there under its canonical URI."""
    picture = photo(*size)
    files = tiled(picture, layout=layout, size=64, format="png", base_url="https://pictures.example/42/")

    told = json.loads(files.pop("tiles/info.json"))
    assert told["protocol"] == "http://iiif.io/api/image"
    assert (told["width"], told["height"]) == size
    if layout == "iiif":
        assert told["@context"] == "http://iiif.io/api/image/2/context.json"
        assert told["@id"] == "https://pictures.example/42/tiles"
        assert told["profile"][0] == "http://iiif.io/api/image/2/level0.json"
        assert told["profile"][1]["formats"] == ["png"]
    else:
        assert told["@context"] == "http://iiif.io/api/image/3/context.json"
        assert (told["id"], told["type"]) == ("https://pictures.example/42/tiles", "ImageService3")
        assert told["profile"] == "level0"
        assert told["extraFormats"] == told["preferredFormats"] == ["png"]
    (tiles,) = told["tiles"]
    assert tiles["width"] == tiles["height"] == 64
    assert tiles["scaleFactors"] == [2**n for n in range(len(tiles["scaleFactors"]))]
    assert 64 * tiles["scaleFactors"][-1] >= max(size)
    assert told["sizes"] == [
        {
            "width": ceil(size[0] / tiles["scaleFactors"][-1]),
            "height": ceil(size[1] / tiles["scaleFactors"][-1]),
        }
    ]
    for scale in tiles["scaleFactors"]:
        step = 64 * scale
        whole = np.zeros((ceil(size[1] / scale), ceil(size[0] / scale), 3), np.uint8)
        for top in range(0, size[1], step):
            for left in range(0, size[0], step):
                width, height = min(step, size[0] - left), min(step, size[1] - top)
                out = ceil(width / scale), ceil(height / scale)
                everything = (width, height) == size
                region = "full" if everything else f"{left},{top},{width},{height}"
                if everything and scale == 1:
                    wanted = "full" if layout == "iiif" else "max"
                else:
                    wanted = f"{out[0]}," if layout == "iiif" else f"{out[0]},{out[1]}"
                name = f"tiles/{region}/{wanted}/0/default.png"
                if layout == "iiif" and scale > 1 and width == 1 and name not in files:
                    continue  # one column is as wide at every scale: the URI is that of a larger tile
                tile = opened(files.pop(name))
                assert tile.shape == (out[1], out[0], 3)
                y, x = top // scale, left // scale
                whole[y : y + out[1], x : x + out[0]] = tile
        alike(whole, picture)
    assert not files


@pytest.mark.parametrize("form", ["jpeg", "webp"])
def test_quality_is_that_of_the_tiles(form):
    picture = photo(200, 150)
    rough, fine = (tiled(picture, format=form, quality=quality) for quality in (20, 95))

    name = next(name for name in fine if "/8/" in name)
    assert Image.open(BytesIO(fine[name])).format == form.upper()
    assert len(rough[name]) < len(fine[name]) / 2
    assert psnr(opened(fine[name], form.upper()), np.asarray(picture)) > 34


def test_transparency_stays_in_png_and_lies_on_white_in_jpeg():
    picture = photo(60, 40).convert("RGBA")
    picture.putalpha(0)

    clear, white = (tiled(picture, format=form) for form in ("png", "jpeg"))

    assert Image.open(BytesIO(clear["tiles_files/6/0_0.png"])).getchannel("A").getextrema() == (0, 0)
    assert opened(white["tiles_files/6/0_0.jpg"], "JPEG").min() == 255


@pytest.mark.parametrize("form", ["png", "jpeg"])
def test_sixteen_bits_and_grey(form):
    pixels = np.asarray(photo(90, 70).convert("L")).astype(np.uint16) * 257
    out = rendered(still(pixels).pngsave_buffer(), {"action": "tiles", "format": form})

    files = unzipped(out.file)
    extension = {"png": "png", "jpeg": "jpg"}[form]
    tile = Image.open(BytesIO(files[f"tiles_files/7/0_0.{extension}"]))
    if form == "png":
        assert np.array_equal(np.asarray(tile), pixels)
    else:
        assert tile.mode == "L"
        assert psnr(np.asarray(tile), pixels // 257) > 30


def test_of_an_animation_the_first_frame():
    frames = [np.asarray(photo(50, 40, seed)) for seed in (1, 2, 3)]
    out = rendered(
        animation(frames).webpsave_buffer(lossless=True),
        {"action": "tiles", "format": "png"},
        {"action": "frames", "format": "webp", "output": True},
    )

    files = unzipped(out.files["s1"])
    assert np.array_equal(opened(files["tiles_files/6/0_0.png"]), frames[0])


def test_after_other_steps_and_the_same_again():
    steps = [
        {"action": "resize", "width": 100, "output": False},
        {"action": "tiles", "from": "s1", "layout": "google", "size": 64},
    ]
    once, again = (rendered(encoded(photo(300, 200)), *steps) for _ in range(2))

    assert once.file == again.file
    assert {name.split("/")[1] for name in unzipped(once.file)} == {"0", "1"}


def test_no_step_takes_its_image():
    with pytest.raises(InvalidRequest, match="makes no image"):
        parse([{"id": "a", "action": "tiles"}, {"id": "b", "action": "blur", "from": "a"}])


@pytest.mark.parametrize(
    ("options", "field", "words"),
    [
        ({"size": 63}, "size", "64–4096"),
        ({"overlap": 33}, "overlap", "0–32"),
        ({"layout": "google", "overlap": 1}, "overlap", "only dz"),
        ({"layout": "zoomify", "format": "png"}, "format", "JPEG"),
        ({"format": "png", "quality": 80}, "quality", "no meaning for png"),
        ({"format": "auto"}, "format", "jpeg, png, webp"),
        ({"base_url": "https://here.example"}, "base_url", "only iiif"),
        ({"layout": "iiif", "base_url": "javascript:alert(1)"}, "base_url", "base_url"),
        ({"layout": "szi"}, "layout", "zoomify"),
        ({"lossless": True}, "lossless", "lossless"),
    ],
)
def test_what_cannot_be_is_refused(options, field, words):
    with pytest.raises(InvalidRequest) as found:
        parse([{"id": "a", "action": "tiles", **options}])

    (problem,) = found.value.problems
    assert problem.field == field
    assert words in problem.message
