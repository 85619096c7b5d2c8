"""Nothing is written beside the pixels unless a step asks for it."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from harness.operating import apply, operation, still
from harness.pictures import encoded, photo
from harness.rendering import rendered
from pixelflow.operations.metadata import KEEP

GPS_TAGS = {GPS.GPSLatitudeRef: "N", GPS.GPSLatitude: (52.0, 31.0, 12.0)}


def tagged(form="JPEG", **options):
    exif = Image.Exif()
    exif[Base.Make] = "Seagull"
    exif[Base.Copyright] = "(c) Ada Lovelace"
    exif[Base.Artist] = "Ada Lovelace"
    exif.get_ifd(IFD.GPSInfo).update(GPS_TAGS)
    exif.get_ifd(IFD.Exif)[Base.LensModel] = "Tessar"
    return encoded(photo(80, 60), form, exif=exif.tobytes(), **options)


def written(step, form="jpeg", source=None):
    file = rendered(source or tagged(), {"format": form, **step}).file
    exif = Image.open(BytesIO(file)).getexif()
    return (
        file,
        {Base(tag).name: value for tag, value in exif.items() if tag in iter(Base)},
        exif.get_ifd(IFD.GPSInfo),
    )


def test_the_source_of_these_tests_says_where_it_was_taken():
    exif = Image.open(BytesIO(tagged())).getexif()

    assert exif.get_ifd(IFD.GPSInfo)[GPS.GPSLatitude] == (52.0, 31.0, 12.0)


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "avif", "tiff"])
def test_without_the_step_everything_goes(form):
    file, exif, gps = written({"action": "thumbnail", "width": 40}, form)

    assert not gps
    assert not {"Make", "Copyright", "Artist"} & exif.keys()
    assert b"Seagull" not in file
    assert b"Lovelace" not in file


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "avif"])
def test_the_step_keeps_the_copyright_and_nothing_else(form):
    file, exif, gps = written({"action": "metadata"}, form)

    assert exif["Copyright"] == "(c) Ada Lovelace"
    assert exif["Artist"] == "Ada Lovelace"
    assert not gps
    assert b"Seagull" not in file
    assert b"Tessar" not in file


def test_dropping_the_place_keeps_the_rest():
    file, exif, gps = written({"action": "metadata", "drop": ["gps"]})

    assert not gps
    assert exif["Make"] == "Seagull"
    assert b"Tessar" in file


def test_the_place_stays_when_it_is_asked_for():
    _, exif, gps = written({"action": "metadata", "keep": ["gps"]})

    assert gps[GPS.GPSLatitude] == (52.0, 31.0, 12.0)
    assert "Make" not in exif
    assert "Copyright" not in exif


def test_keeping_nothing_writes_nothing():
    file, exif, gps = written({"action": "metadata", "keep": []})

    assert not gps
    assert not {"Make", "Copyright"} & exif.keys()
    assert b"Exif" not in file


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "avif"])
def test_texts_are_written_in_the_letters_that_exif_has(form):
    wanted = {"copyright": "© 2026 Größe", "artist": "Grace", "description": "A (small) test, of 3 words"}

    _, exif, gps = written({"action": "metadata", "keep": [], "set": wanted}, form)

    assert exif["Copyright"] == "(C) 2026 Grosse"
    assert exif["Artist"] == "Grace"
    assert exif["ImageDescription"] == wanted["description"]
    assert "Make" not in exif
    assert not gps


def test_a_text_replaces_the_one_that_was_kept():
    _, exif, _ = written({"action": "metadata", "set": {"artist": "Grace"}})

    assert exif["Artist"] == "Grace"
    assert exif["Copyright"] == "(c) Ada Lovelace"


def test_a_profile_stays_only_when_it_is_asked_for():
    wide = still(np.asarray(photo(40, 30))).icc_transform("p3")
    source = wide.pngsave_buffer(keep="icc")

    kept = rendered(source, {"action": "metadata", "keep": ["icc"], "format": "png"}).picture
    gone = rendered(source, {"action": "metadata", "drop": ["icc"], "format": "png"}).picture

    assert kept.info.get("icc_profile")
    assert not gone.info.get("icc_profile")


@pytest.mark.parametrize(
    ("parameters", "kinds"),
    [
        ({}, {"icc", "exif"}),
        ({"keep": []}, set()),
        ({"keep": ["icc"]}, {"icc"}),
        ({"keep": ["xmp", "iptc"]}, {"xmp", "iptc"}),
        ({"drop": ["gps"]}, {"icc", "exif", "xmp", "iptc"}),
        ({"drop": ["icc", "xmp", "iptc"]}, {"exif"}),
        ({"keep": [], "set": {"artist": "A"}}, {"exif"}),
    ],
)
def test_the_writer_is_told_which_kinds_to_write(parameters, kinds):
    made = apply(still(np.asarray(photo(8, 8))), "metadata", **parameters)

    assert set(made.get(KEEP).split(",")) - {""} == kinds


def test_a_packet_that_names_a_place_goes_with_the_place():
    import pyvips

    picture = still(np.asarray(photo(8, 8)))
    for field, packet in (
        ("xmp-data", b"<x exif:GPSLatitude='52'/>"),
        ("iptc-data", b"\x1c\x02\x5a\x00\x06Berlin"),
    ):
        picture.set_type(pyvips.GValue.blob_type, field, packet)

    dropped = apply(picture, "metadata", drop=["gps"])
    kept = apply(picture, "metadata", keep=["xmp", "iptc", "gps"])

    assert not {"xmp-data", "iptc-data"} & set(dropped.get_fields())
    assert {"xmp-data", "iptc-data"} <= set(kept.get_fields())


def test_it_says_that_it_needs_what_loading_would_drop():
    assert operation("metadata").needs_metadata
    assert not operation("thumbnail", width=5).needs_metadata
