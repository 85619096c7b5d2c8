"""What a file is told by its first bytes: HEIF files by their brands."""

import pytest

from harness.pictures import encoded, photo
from harness.rendering import SHARED, rendered
from pixelflow.domain.errors import ImageError
from pixelflow.domain.media import SNIFF_BYTES, sniff

AVIF = encoded(photo(90, 60), "AVIF", quality=90)


def branded(major: bytes, *compatible: bytes) -> bytes:
    """The ``ftyp`` box."""
    return (16 + 4 * len(compatible)).to_bytes(4, "big") + b"ftyp" + major + bytes(4) + b"".join(compatible)


@pytest.mark.parametrize(
    ("box", "kind"),
    [
        (branded(b"avif", b"mif1", b"miaf"), "avif"),
        (branded(b"mif1", b"mif1", b"miaf", b"avif"), "avif"),
        (branded(b"msf1", b"msf1", b"iso8", b"avis"), "avif"),
        (branded(b"mif1", *[b"misc"] * 31, b"avif"), "avif"),
        (branded(b"heic", b"mif1", b"heic"), "heic"),
        (branded(b"heic", b"mif1", b"avif"), "heic"),
        (branded(b"mif1", b"mif1", b"MiHE", b"heix"), "heic"),
        (branded(b"mif1", b"mif1"), "heif"),
        (branded(b"isom", b"iso2", b"mp41"), None),
        (branded(b"mif1", b"mif1") + b"avif", "heif"),
        (branded(b"mif1", b"avif")[:18], "heif"),
        (b"\0\0\0\0ftypmif1", "heif"),
    ],
)
def test_brands_name_the_codec(box, kind):
    assert sniff(box[:SNIFF_BYTES]) == kind


def test_an_avif_that_is_first_of_all_a_heif_is_rendered():
    general = AVIF.replace(b"ftypavif", b"ftypmif1", 1)
    assert general != AVIF
    step = {"action": "thumbnail", "width": 45, "format": "png"}

    out = rendered(general, step)

    assert out.finished.source.format == "avif"
    assert out.file == rendered(AVIF, step).file


def test_a_heic_that_is_an_avif_inside_is_no_picture():
    with pytest.raises(ImageError, match="heic file") as found:
        rendered(AVIF.replace(b"ftypavif", b"ftypheic", 1), {"action": "thumbnail", "width": 45})

    assert found.value.code in {"unsupported", "corrupt"}


@pytest.mark.skipif(not (SHARED / "formats").is_dir(), reason="the pictures of many kinds are not here")
@pytest.mark.parametrize("kind", ["avif", "heic"])
def test_real_files_are_what_they_are_called(kind):
    for file in (SHARED / "formats").glob(f"*.{kind}"):
        assert sniff(file.read_bytes()[:SNIFF_BYTES]) == kind, file.name
