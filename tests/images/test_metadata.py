"""Nothing is said beside the pixels unless a step asked for it."""

from io import BytesIO

import pytest
from PIL import Image, ImageCms
from PIL.ExifTags import IFD, Base

from harness.pictures import encoded, photo
from harness.rendering import rendered

SMALL = {"id": "small", "action": "thumbnail", "width": 40}
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def tagged(form: str) -> bytes:
    """A picture that says where it was taken, by whom, and with what."""
    exif = Image.Exif()
    exif[Base.Copyright] = "Ann Example"
    exif[Base.Artist] = "Ann"
    exif[Base.Make] = "Maker"
    exif[Base.Orientation] = 6
    exif.get_ifd(IFD.GPSInfo)[1] = "N"
    exif.get_ifd(IFD.GPSInfo)[2] = (52.0, 31.0, 12.0)
    return encoded(photo(80, 60), form, exif=exif.tobytes(), icc_profile=SRGB)


@pytest.mark.parametrize("target", ["jpeg", "png", "webp", "avif", "tiff"])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_by_default_all_of_it_goes(form, target):
    out = rendered(tagged(form), SMALL | {"format": target})

    exif = out.picture.getexif()
    assert Base.Copyright not in exif
    assert Base.Make not in exif
    assert IFD.GPSInfo not in exif
    assert "icc_profile" not in out.picture.info
    assert b"Ann" not in out.file


@pytest.mark.parametrize("target", ["jpeg", "png", "webp"])
def test_copyright_and_profile_stay_when_asked(target):
    out = rendered(
        tagged("JPEG"),
        SMALL | {"output": False},
        {"id": "kept", "from": "small", "action": "metadata", "keep": ["copyright", "icc"], "format": target},
    )

    exif = out.picture.getexif()
    assert exif[Base.Copyright] == "Ann Example"
    assert Base.Make not in exif
    assert not exif.get_ifd(IFD.GPSInfo)
    assert out.picture.info.get("icc_profile")
    assert exif.get(Base.Orientation, 1) == 1
    assert out.picture.size == (40, 53)


def test_the_place_goes_though_the_rest_stays():
    out = rendered(tagged("JPEG"), {"action": "metadata", "drop": ["gps"], "format": "jpeg"})

    exif = Image.open(BytesIO(out.file)).getexif()
    assert exif[Base.Make] == "Maker"
    assert not exif.get_ifd(IFD.GPSInfo)


def test_without_the_place_every_other_tag_is_what_it_was():
    exif = Image.Exif()
    exif[Base.Make], exif[Base.Model], exif[Base.Software] = "Maker", "Model 5", "Firmware 1.2"
    exif[Base.DateTime], exif[Base.Artist] = "2024:02:03 04:05:06", "Ann"
    own = exif.get_ifd(IFD.Exif)
    own[Base.ExposureTime], own[Base.FNumber], own[Base.FocalLength] = (1, 250), (28, 10), (50, 1)
    own[Base.ISOSpeedRatings], own[Base.Flash] = 400, 16
    own[Base.DateTimeOriginal], own[Base.OffsetTimeOriginal] = "2024:02:03 04:05:06", "+02:00"
    own[Base.LensModel], own[Base.BodySerialNumber] = "50mm F1.8", "123456"
    place = exif.get_ifd(IFD.GPSInfo)
    place[1], place[2], place[3], place[4], place[29] = (
        "N",
        (52.0, 31.0, 12.0),
        "E",
        (13.0, 24.0, 18.0),
        "2024:02:03",
    )
    source = encoded(photo(80, 60), "JPEG", exif=exif.tobytes(), icc_profile=SRGB)
    assert b"2024:02:03\0" in source

    made = rendered(source, {"action": "metadata", "drop": ["gps"], "format": "jpeg"}).file

    before, after = (Image.open(BytesIO(file)).getexif() for file in (source, made))
    assert not after.get_ifd(IFD.GPSInfo)
    assert b"2024:02:03\0" not in made
    for tag, value in before.items():
        if tag not in {IFD.Exif, IFD.GPSInfo}:
            assert after[tag] == value, tag
    for tag, value in before.get_ifd(IFD.Exif).items():
        assert after.get_ifd(IFD.Exif)[tag] == value, tag
    assert len(before.get_ifd(IFD.Exif)) == 9


@pytest.mark.parametrize(
    "packet", ["<exif:GPSLatitude>52,31N</exif:GPSLatitude>", "<Iptc4xmpCore:Location>Berlin"]
)
def test_a_packet_that_names_the_place_goes_with_it(packet):
    xmp = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{packet}</x:xmpmeta>".encode()
    source = encoded(photo(80, 60), "JPEG", xmp=xmp)

    without = rendered(source, {"action": "metadata", "drop": ["gps"], "format": "jpeg"}).file
    kept = rendered(source, {"action": "metadata", "keep": ["gps", "xmp"], "format": "jpeg"}).file

    assert b"xmpmeta" not in without
    assert packet.encode() in kept


def test_a_text_is_written():
    out = rendered(
        tagged("PNG"), {"action": "metadata", "set": {"copyright": "Bo Example"}, "format": "jpeg"}
    )

    assert out.picture.getexif()[Base.Copyright] == "Bo Example"
