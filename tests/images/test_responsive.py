"""A set of files for a page: what the manifest and the element say of them is so."""

import hashlib
import json
from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from harness.operating import animation, psnr, still
from harness.pictures import encoded, photo
from harness.rendering import rendered
from pixelflow.domain.errors import InvalidRequest
from pixelflow.operations.pipeline import parse

PHOTO = photo(900, 600)


class Elements(HTMLParser):
    """The tags of a snippet with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.open = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs), list(self.open)))
        if tag == "picture":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def made(source, **options):
    """The files by name, the manifest, and the element's sources and image."""
    out = rendered(source, {"action": "responsive_set", **options})
    with ZipFile(BytesIO(out.file)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files.pop("manifest.json"))
    text = files.pop("picture.html").decode()
    assert manifest["html"] == text
    (first, *others, last) = Elements(text).found
    assert first[:2] == ("picture", {})
    assert all(tag == "source" and inside == ["picture"] for tag, _, inside in others)
    assert last[0] == "img"
    return files, manifest, [attributes for _, attributes, _ in others], last[1]


def offers(attributes):
    """Files by what a srcset says of them."""
    return {
        told: url
        for url, _, told in (entry.strip().partition(" ") for entry in attributes["srcset"].split(","))
    }


def test_every_file_is_what_the_manifest_says():
    files, manifest, _sources, _image = made(encoded(PHOTO, "PNG"), widths=[600, 200, 5000, 400])

    assert (manifest["width"], manifest["height"]) == (900, 600)
    assert [each["file"] for each in manifest["files"]] == list(files)
    for told in manifest["files"]:
        content = files[told["file"]]
        picture = Image.open(BytesIO(content))
        assert picture.format.lower() == told["format"]
        assert Image.MIME[picture.format] == told["media_type"]
        assert picture.size == (told["width"], told["height"])
        assert len(content) == told["bytes"]
        assert hashlib.sha256(content).hexdigest() == told["sha256"]
    sizes = {form: [] for form in ("avif", "webp", "jpeg")}
    for told in manifest["files"]:
        sizes[told["format"]].append((told["width"], told["height"]))
    assert all(each == [(200, 133), (400, 267), (600, 400), (900, 600)] for each in sizes.values())


@pytest.mark.parametrize("dpr", [1, 2])
def test_every_size_is_the_picture(dpr):
    files, *_ = made(encoded(PHOTO, "PNG"), widths=[60, 100, 200, 400], dprs=[dpr], formats=["png"])

    assert len(files) == 4
    for content in files.values():
        small = Image.open(BytesIO(content))
        expected = PHOTO.resize(small.size, Image.Resampling.LANCZOS)
        assert psnr(np.asarray(small), np.asarray(expected)) > 40


def test_a_jpeg_is_decoded_no_larger_than_needed_and_is_the_picture_still():
    source = photo(1601, 1199)
    files, *_ = made(encoded(source, quality=95), widths=[150, 75], formats=["png"])

    for content in files.values():
        small = Image.open(BytesIO(content))
        expected = source.resize(small.size, Image.Resampling.LANCZOS)
        assert psnr(np.asarray(small), np.asarray(expected)) > 36


def test_the_element_offers_all_of_them():
    files, manifest, sources, image = made(
        encoded(PHOTO),
        widths=[200, 400],
        name="cat",
        base_url="/pictures/",
        alt='A "cat" <in> a box & more',
        sizes="(max-width: 600px) 100vw, 50vw",
        loading="eager",
    )

    assert [each["type"] for each in sources] == ["image/avif", "image/webp"]
    offered = [offers(each) for each in [*sources, image]]
    assert offered == [
        {"200w": f"/pictures/cat-200.{end}", "400w": f"/pictures/cat-400.{end}"}
        for end in ("avif", "webp", "jpg")
    ]
    assert {url.removeprefix("/pictures/") for each in offered for url in each.values()} == set(files)
    assert {each["sizes"] for each in [*sources, image]} == {"(max-width: 600px) 100vw, 50vw"}
    assert image["src"] == "/pictures/cat-200.jpg"
    assert (image["width"], image["height"]) == ("400", "267")
    assert image["alt"] == manifest["alt"] == 'A "cat" <in> a box & more'
    assert (image["loading"], image["decoding"]) == ("eager", "async")


def test_one_width_is_offered_by_density():
    files, _, (avif, _webp), image = made(encoded(PHOTO), widths=[300], dprs=[2, 1, 3.5])

    assert offers(avif) == {"1x": "image-300.avif", "2x": "image-600.avif", "3x": "image-900.avif"}
    assert "sizes" not in avif
    assert "sizes" not in image
    assert (image["src"], image["width"], image["height"]) == ("image-300.jpg", "300", "200")
    assert len(files) == 9


def test_several_widths_and_densities_are_offered_by_width():
    _, _, (avif, _), _ = made(encoded(PHOTO), widths=[100, 200], dprs=[1, 2])

    assert list(offers(avif)) == ["100w", "200w", "400w"]


@pytest.mark.parametrize("width", [900, 5000])
def test_nothing_is_enlarged(width):
    _files, manifest, _, image = made(encoded(PHOTO), widths=[width, width + 1])

    assert [(each["width"], each["height"]) for each in manifest["files"]] == [(900, 600)] * 3
    assert image["srcset"] == "image-900.jpg 900w"


def test_placeholders_are_those_of_their_operations():
    source = encoded(photo(64, 48), "PNG")
    _, manifest, _, image = made(source, widths=[64])
    found = manifest["placeholders"]

    for action in ("blurhash", "thumbhash"):
        assert json.loads(rendered(source, {"action": action}).file) == {action: found[action]}
    kind, _, data = found["data_uri"].partition(",")
    assert kind == "data:image/webp;base64"
    tiny = Image.open(BytesIO(b64decode(data)))
    assert tiny.size == (16, 12)
    assert len(found["data_uri"]) < 400
    assert psnr(np.asarray(tiny.convert("RGB")), np.asarray(photo(64, 48).resize((16, 12)))) > 18
    assert found["data_uri"] in image["style"]
    *_, bare = made(source, widths=[64], placeholder="none")
    assert "style" not in bare


def test_transparency_is_kept():
    clear = PHOTO.copy()
    clear.putalpha(Image.linear_gradient("L").resize(PHOTO.size))

    files, manifest, _, image = made(encoded(clear, "PNG"), widths=[90])

    assert [each["format"] for each in manifest["files"]] == ["avif", "webp", "png"]
    for content in files.values():
        alpha = np.asarray(Image.open(BytesIO(content)).convert("RGBA"))[..., 3].astype(int)
        assert np.abs(alpha - np.asarray(clear.resize((90, 60)))[..., 3]).mean() < 4
    assert "style" not in image


@pytest.mark.parametrize(
    ("formats", "kept"), [(None, ["webp", "gif"]), (["avif", "webp", "jpeg"], ["avif", "webp"])]
)
def test_a_moving_picture_moves(formats, kept):
    frames = [np.asarray(photo(80, 60, seed)) for seed in (1, 2, 3)]
    source = animation(frames).webpsave_buffer(lossless=True)

    files, manifest, _, _ = made(source, widths=[20, 40], **({} if formats is None else {"formats": formats}))

    assert [each["format"] for each in manifest["files"]] == [name for name in kept for _ in range(2)]
    for told in manifest["files"]:
        picture = Image.open(BytesIO(files[told["file"]]))
        assert picture.n_frames == 3
        assert picture.size == (told["width"], told["height"])


def test_a_still_is_no_apng_beside_a_png():
    files, manifest, *_ = made(encoded(PHOTO), widths=[40], formats=["apng", "png"])

    assert [each["format"] for each in manifest["files"]] == ["png"]
    assert list(files) == ["image-40.png"]


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_grey_and_sixteen_bits(mode, depth):
    pixels = np.asarray(PHOTO.convert(mode))
    wide = pixels.astype(np.uint16) * 257 if depth == 16 else pixels

    files, manifest, *_ = made(still(wide).pngsave_buffer(), widths=[90], formats=["webp", "png", "jpeg"])

    for content in files.values():
        picture = Image.open(BytesIO(content))
        assert picture.size == (90, 60)
        if picture.mode != "I;16":
            expected = np.asarray(
                Image.fromarray(pixels).resize((90, 60), Image.Resampling.LANCZOS).convert("L")
            )
            assert psnr(np.asarray(picture.convert("L")), expected) > 28
    assert manifest["placeholders"]["blurhash"]


def test_the_same_again():
    once, again = (rendered(encoded(PHOTO), {"action": "responsive_set", "widths": [50]}) for _ in range(2))

    assert once.file == again.file


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1)])
def test_the_narrowest_pictures(size):
    _files, manifest, *_ = made(encoded(photo(*size), "PNG"), widths=[1, 40])

    assert {(each["width"], each["height"]) for each in manifest["files"]} <= {(1, 1), (1, 400), (40, 1)}


@pytest.mark.parametrize(
    ("options", "field", "words"),
    [
        ({"widths": list(range(1, 21)), "dprs": [1, 2]}, "widths", "120 files"),
        ({"formats": ["png", "gif"], "quality": 50}, "quality", "no meaning for png, gif"),
        ({"formats": ["webp", "webp"]}, "formats", "twice"),
        ({"widths": [0]}, "widths[0]", "1–16384"),
        ({"dprs": [9]}, "dprs[0]", "0.5–8"),
        ({"formats": ["auto"]}, "formats[0]", "avif"),
        ({"name": "../x"}, "name", "name"),
        ({"base_url": '"><script>'}, "base_url", "base_url"),
        ({"format": "webp"}, "format", "formats"),
    ],
)
def test_what_cannot_be_is_refused(options, field, words):
    with pytest.raises(InvalidRequest) as found:
        parse([{"id": "a", "action": "responsive_set", **options}])

    (problem,) = found.value.problems
    assert problem.field == field
    assert words in problem.message
