"""Depth, transparency and the options of each format."""

from io import BytesIO

import numpy as np
import pytest
import pyvips
from PIL import Image

from harness.extras import needs
from harness.operating import psnr, still
from harness.pictures import encoded, photo
from harness.rendering import rendered
from pixelflow.domain.errors import ImageError, InvalidRequest
from pixelflow.operations.encoding import Encoding
from pixelflow.operations.pipeline import parse

PHOTO = photo(120, 80)
PIXELS = np.asarray(PHOTO)
WIDE = PIXELS.astype(np.uint16) * 256 + np.arange(120, dtype=np.uint16)[None, :, None]
SAME = {"action": "thumbnail", "width": 120}
PNG = encoded(PHOTO, "PNG")


def opened(content: bytes) -> pyvips.Image:
    return pyvips.Image.new_from_buffer(content, "")


def wide(form: str) -> bytes:
    content: bytes = still(WIDE).write_to_buffer(f".{form}")
    return content


@pytest.mark.parametrize("form", ["png", "tiff"])
@pytest.mark.parametrize("target", ["png", "tiff"])
def test_sixteen_bits_stay_sixteen(form, target):
    out = rendered(wide(form), SAME | {"format": target})

    image = opened(out.file)
    assert image.format == "ushort"
    assert np.array_equal(image.numpy(), WIDE)


@pytest.mark.parametrize(
    ("target", "options"), [("jpeg", {}), ("webp", {}), ("png", {"bit_depth": 8}), ("gif", {}), ("avif", {})]
)
def test_sixteen_bits_become_eight_elsewhere(target, options):
    out = rendered(wide("png"), SAME | {"format": target, **options})

    image = opened(out.file)
    assert image.format == "uchar"
    assert psnr(np.asarray(out.picture.convert("RGB")), PIXELS) > 24


@pytest.mark.parametrize("source", [wide("png"), PNG])
def test_ten_bits_of_avif(source):
    out = rendered(source, SAME | {"format": "avif", "bit_depth": 10, "quality": 95})

    image = opened(out.file)
    assert image.get("bits-per-sample") == 10


def test_eight_bits_become_sixteen_when_asked():
    image = opened(rendered(PNG, SAME | {"format": "png", "bit_depth": 16}).file)

    assert image.format == "ushort"
    assert np.array_equal(image.numpy() // 256, PIXELS)


@pytest.mark.parametrize("form", ["png", "webp", "avif", "tiff", "gif"])
def test_transparency_stays(form):
    source = PHOTO.copy()
    source.putalpha(Image.linear_gradient("L").resize(PHOTO.size).point(lambda value: 255 * (value > 127)))

    out = rendered(encoded(source, "PNG"), SAME | {"format": form})

    alpha = np.asarray(out.picture.convert("RGBA"))[..., 3].astype(int)
    assert np.abs(alpha - np.asarray(source)[..., 3]).mean() < 3


@pytest.mark.parametrize("depth", [8, 16])
def test_transparency_becomes_white_in_jpeg(depth):
    clear = np.zeros((40, 60, 4), np.uint8 if depth == 8 else np.uint16)

    out = rendered(
        still(clear).write_to_buffer(".png"), {"action": "thumbnail", "width": 60, "format": "jpeg"}
    )

    assert out.picture.mode == "RGB"
    assert out.pixels.min() == 255


def test_hidden_colour_does_not_bleed_when_scaled():
    source = np.zeros((40, 40, 4), np.uint8)
    source[:, :20] = (255, 0, 0, 255)
    source[:, 20:] = (0, 255, 0, 0)

    out = rendered(
        encoded(Image.fromarray(source), "PNG"), {"action": "thumbnail", "width": 13, "format": "png"}
    ).pixels

    seen = out[..., 3] > 0
    assert out[seen][:, 0].min() > 245
    assert out[seen][:, 1].max() < 10


def test_quality_is_that_of_the_format_unless_given():
    for form in ("jpeg", "webp", "avif"):
        sizes = [
            len(rendered(PNG, SAME | {"format": form, **options}).file)
            for options in ({"quality": 20}, {}, {"quality": 95})
        ]
        assert sizes == sorted(sizes)
        assert len(set(sizes)) == 3
    assert (
        rendered(PNG, SAME | {"format": "jpeg"}).file
        == rendered(PNG, SAME | {"format": "jpeg", "quality": 80}).file
    )


@pytest.mark.parametrize(
    ("quality", "options", "layers"),
    [(80, {}, 2), (90, {}, 1), (80, {"chroma": "4:4:4"}, 1), (95, {"chroma": "4:2:0"}, 2)],
)
@pytest.mark.parametrize("progressive", [False, True])
def test_chroma_of_jpeg(quality, options, layers, progressive):
    out = rendered(PNG, SAME | {"format": "jpeg", "quality": quality, "progressive": progressive, **options})

    assert out.picture.layer[0][1] == layers
    assert bool(out.picture.info.get("progressive")) is progressive


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
@pytest.mark.parametrize("form", ["webp", "avif"])
def test_lossless_is_lossless(form, mode):
    source = PHOTO.convert(mode)
    if mode == "RGBA":
        source.putalpha(Image.linear_gradient("L").resize(PHOTO.size).point(lambda value: value | 1))

    out = rendered(encoded(source, "PNG"), SAME | {"format": form, "lossless": True})

    assert np.array_equal(np.asarray(out.picture.convert(mode)), np.asarray(source))
    if form == "webp":
        assert b"VP8L" in out.file[:64]


def test_near_lossless_is_coarser_the_lower_the_quality():
    near, rough = (
        rendered(PNG, SAME | {"format": "webp", "near_lossless": True, "quality": quality})
        for quality in (60, 10)
    )
    exact = rendered(PNG, SAME | {"format": "webp", "lossless": True})

    assert near.file[12:16] == rough.file[12:16] == b"VP8L"
    assert len(exact.file) > len(near.file) > len(rough.file)
    assert np.abs(near.pixels.astype(int) - PIXELS).max() <= 2
    assert np.abs(rough.pixels.astype(int) - PIXELS).max() <= 16


@pytest.mark.parametrize(
    ("options", "subsampled", "bits"),
    [
        ({}, True, 8),
        ({"quality": 90}, False, 8),
        ({"chroma": "4:4:4"}, False, 8),
        ({"chroma": "4:2:0", "quality": 95}, True, 8),
        ({"lossless": True}, False, 8),
        ({"bit_depth": 10}, True, 10),
        ({"bit_depth": 12, "chroma": "4:4:4"}, False, 12),
    ],
)
def test_chroma_and_depth_of_avif(options, subsampled, bits):
    """As its AV1CodecConfigurationBox tells (AV1 in ISOBMFF, 2.3.3)."""
    out = rendered(PNG, SAME | {"format": "avif", **options})

    told = out.file[out.file.index(b"av1C") + 6]
    assert (bool(told & 0b1000), bool(told & 0b100)) == (subsampled, subsampled)
    assert 8 + 2 * (told >> 6 & 1) + 2 * (told >> 5 & 1) == bits


@pytest.mark.parametrize(
    ("options", "depth", "kind", "interlaced"),
    [
        ({}, 8, 2, 0),
        ({"progressive": True}, 8, 2, 1),
        ({"palette": True}, 8, 3, 0),
        ({"palette": True, "progressive": True}, 8, 3, 1),
        *(({"bit_depth": bits}, bits, 3, 0) for bits in (1, 2, 4)),
        ({"bit_depth": 8}, 8, 2, 0),
        ({"bit_depth": 16}, 16, 2, 0),
    ],
)
def test_depth_palette_and_interlacing_of_png(options, depth, kind, interlaced):
    """As its header tells (PNG, 11.2.1); type 3 has a palette."""
    out = rendered(PNG, SAME | {"format": "png", **options})

    assert (out.file[24], out.file[25], out.file[28]) == (depth, kind, interlaced)
    picture = out.picture
    if kind == 3:
        assert len(picture.convert("RGB").getcolors()) <= 2**depth
        assert psnr(np.asarray(picture.convert("RGB")), PIXELS) > {1: 12, 2: 15, 4: 20, 8: 30}[depth]
    else:
        assert np.array_equal(np.asarray(picture.convert("RGB")), PIXELS)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("source", [wide("png"), PNG])
def test_depth_of_tiff(source, bits):
    """As its BitsPerSample tell (TIFF 6.0, tag 258)."""
    out = rendered(source, SAME | {"format": "tiff", "bit_depth": bits})

    assert set(out.picture.tag_v2[258]) == {bits}
    found = opened(out.file).numpy() // (257 if bits == 16 else 1)
    assert np.abs(found.astype(int) - PIXELS).max() <= 1


@pytest.mark.parametrize(
    ("form", "least", "most"), [("webp", 0, 6), ("avif", 0, 9), ("png", 1, 10), ("gif", 1, 10)]
)
def test_effort(form, least, most):
    quick, thorough = (rendered(PNG, SAME | {"format": form, "effort": effort}) for effort in (least, most))

    assert quick.picture.size == thorough.picture.size
    assert quick.file != thorough.file
    with pytest.raises(InvalidRequest, match=f"{least} to {most}"):
        parse([{"id": "a", **SAME, "format": form, "effort": most + 1 if most < 10 else 0}])


@pytest.mark.parametrize(
    ("form", "option", "value"),
    [
        ("png", "quality", 80),
        ("gif", "quality", 80),
        ("tiff", "quality", 80),
        ("jpeg", "lossless", True),
        ("avif", "near_lossless", True),
        ("webp", "progressive", True),
        ("jpeg", "effort", 4),
        ("tiff", "effort", 0),
        ("webp", "chroma", "4:4:4"),
        ("jpeg", "palette", True),
        ("jpeg", "bit_depth", 8),
        ("png", "bit_depth", 10),
        ("avif", "bit_depth", 16),
        ("tiff", "bit_depth", 1),
    ],
)
def test_an_option_that_a_format_has_no_use_for_is_refused(form, option, value):
    with pytest.raises(InvalidRequest) as found:
        parse([{"id": "a", **SAME, "format": form, option: value}])

    (problem,) = found.value.problems
    assert (problem.field, problem.step) == (option, "a")
    assert form in problem.message


def test_under_same_such_an_option_is_passed_over():
    out = rendered(PNG, SAME | {"quality": 30, "chroma": "4:4:4", "bit_depth": 10, "effort": 10})

    assert out.picture.format == "PNG"
    assert np.array_equal(out.pixels, PIXELS)


def test_lossless_with_a_quality_is_a_contradiction():
    with pytest.raises(InvalidRequest, match="no quality"):
        parse([{"id": "a", **SAME, "format": "webp", "lossless": True, "quality": 50}])


@pytest.mark.parametrize(
    ("options", "field", "words"),
    [
        ({"format": "webp", "lossless": True, "near_lossless": True}, "near_lossless", "leave one"),
        ({"format": "avif", "lossless": True, "chroma": "4:2:0"}, "chroma", "loses chroma"),
        ({"format": "png", "palette": True, "bit_depth": 16}, "bit_depth", "palette has no 16 bits"),
    ],
)
def test_options_that_contradict_each_other(options, field, words):
    with pytest.raises(InvalidRequest) as found:
        parse([{"id": "a", **SAME, **options}])

    (problem,) = found.value.problems
    assert problem.field == field
    assert words in problem.message


def test_a_side_that_the_format_has_no_room_for():
    long = {"action": "resize", "width": 16384, "height": 2, "fit": "fill", "enlarge": True}

    assert rendered(PNG, long | {"format": "jpeg"}).picture.size == (16384, 2)
    with pytest.raises(ImageError, match="a webp has at most 16,383 pixels on a side, not 16,384") as found:
        rendered(PNG, long | {"format": "webp"})
    assert (found.value.code, found.value.step) == ("invalid", "s1")


def test_other_spellings_of_formats():
    assert rendered(PNG, SAME | {"format": "jpg"}).picture.format == "JPEG"
    assert rendered(PNG, SAME | {"format": "TIF"}).picture.format == "TIFF"


@needs("heif")
def test_a_heic_without_its_pixels_is_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """As x265 writes it when it finds none, and says nothing."""
    import pillow_heif

    from pixelflow.imaging.encoders.heif import heic

    saved = pillow_heif.HeifFile.save

    def cut(file: pillow_heif.HeifFile, out: BytesIO, **options: object) -> None:
        whole = BytesIO()
        saved(file, whole, **options)
        out.write(whole.getvalue()[:400])

    image = pyvips.Image.gaussnoise(64, 64).cast("uchar").copy(interpretation="b-w")
    assert heic(image, Encoding(), 80, 0, 4)
    monkeypatch.setattr(pillow_heif.HeifFile, "save", cut)
    with pytest.raises(MemoryError):
        heic(image, Encoding(), 80, 0, 4)
