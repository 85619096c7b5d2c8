"""Pictures in any profile come out in sRGB as lcms makes them through Pillow: mean CIEDE2000 at most 1."""

from io import BytesIO

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms
from skimage.color import deltaE_ciede2000, rgb2lab

from harness.pictures import encoded, photo
from harness.rendering import SHARED, rendered

PHOTO = photo(150, 100, seed=2)
SRGB = ImageCms.createProfile("sRGB")
RELATIVE = ImageCms.Intent.RELATIVE_COLORIMETRIC
MOST = 1.0
WHOLE = {"action": "crop", "x": 0, "y": 0, "format": "png"}
HALF = {"action": "thumbnail", "width": 75, "format": "png"}

# Primaries as x and y, and the exponent of the curve.
PRO_PHOTO = ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), 1.8
ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), 2.2
WHITE_D50 = (0.9642, 1.0, 0.8249)


def matrix_profile(primaries: tuple[tuple[float, float], ...], gamma: float) -> bytes:
    """A profile of three primaries and one curve (ICC.1:2022), with D50 as its white."""
    columns = np.array([(x / y, 1, (1 - x - y) / y) for x, y in primaries]).T
    columns = columns * np.linalg.solve(columns, WHITE_D50)

    def fixed(*values: float) -> bytes:
        return b"".join(round(value * 65536).to_bytes(4, "big", signed=True) for value in values)

    curve = b"curv" + bytes(4) + (1).to_bytes(4, "big") + round(gamma * 256).to_bytes(2, "big") + bytes(2)
    name = b"of primaries\0"
    tags = {
        b"desc": b"desc" + bytes(4) + len(name).to_bytes(4, "big") + name + bytes(79),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": b"XYZ " + bytes(4) + fixed(*WHITE_D50),
        **{f"{c}XYZ".encode(): b"XYZ " + bytes(4) + fixed(*columns[:, i]) for i, c in enumerate("rgb")},
        **{f"{c}TRC".encode(): curve for c in "rgb"},
    }
    table, body, at = len(tags).to_bytes(4, "big"), b"", 128 + 4 + 12 * len(tags)
    for tag, content in tags.items():
        table += tag + (at + len(body)).to_bytes(4, "big") + len(content).to_bytes(4, "big")
        body += content + bytes(-len(content) % 4)
    head = (at + len(body)).to_bytes(4, "big") + bytes(4) + b"\x02\x40\0\0" + b"mntrRGB XYZ "
    head += bytes(12) + b"acsp" + bytes(28) + fixed(*WHITE_D50)
    return head + bytes(128 - len(head)) + table + body


def carried(name: str) -> bytes:
    """One of the profiles that libvips carries."""
    content: bytes = pyvips.Operation.call("profile_load", name)
    return content


PROFILES = {
    "display-p3": carried("p3"),
    "prophoto": matrix_profile(*PRO_PHOTO),
    "adobe-like": matrix_profile(*ADOBE),
    "cmyk": carried("cmyk"),
}


def by_lcms(picture: Image.Image, profile: bytes) -> np.ndarray:
    embedded = ImageCms.ImageCmsProfile(BytesIO(profile))
    return np.asarray(ImageCms.profileToProfile(picture, embedded, SRGB, RELATIVE, outputMode="RGB"))


def difference(found: np.ndarray, wanted: np.ndarray) -> float:
    """Mean CIEDE2000."""
    return float(deltaE_ciede2000(rgb2lab(found / 255), rgb2lab(wanted / 255)).mean())


def halved(picture: Image.Image) -> Image.Image:
    return picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        (name, form)
        for name in PROFILES
        for form in ("TIFF", "JPEG", *(() if name == "cmyk" else ("PNG", "WEBP", "AVIF")))
    ],
)
def test_every_profile_in_every_format(name, form):
    profile = PROFILES[name]
    picture = PHOTO
    if name == "cmyk":
        there = ImageCms.ImageCmsProfile(BytesIO(profile))
        picture = ImageCms.profileToProfile(PHOTO, SRGB, there, RELATIVE, outputMode="CMYK")
    options = {"JPEG": {"quality": 97}, "WEBP": {"lossless": True}, "AVIF": {"quality": 95}}.get(form, {})
    source = encoded(picture, form, icc_profile=profile, **options)
    seen = Image.open(BytesIO(source))

    assert difference(rendered(source, WHOLE).pixels, by_lcms(seen, profile)) <= MOST
    assert difference(rendered(source, HALF).pixels, by_lcms(halved(seen), profile)) <= MOST
    # Values that were only taken for sRGB would be seen.
    if name != "cmyk":
        assert difference(np.asarray(seen.convert("RGB")), by_lcms(seen, profile)) > 2 * MOST


@pytest.mark.parametrize("form", ["TIFF", "JPEG"])
def test_cmyk_without_a_profile_is_coated_paper(form):
    there = ImageCms.ImageCmsProfile(BytesIO(PROFILES["cmyk"]))
    picture = ImageCms.profileToProfile(PHOTO, SRGB, there, RELATIVE, outputMode="CMYK")
    source = encoded(picture, form, **({"quality": 97} if form == "JPEG" else {}))

    found = rendered(source, WHOLE).pixels

    assert difference(found, by_lcms(Image.open(BytesIO(source)), PROFILES["cmyk"])) <= MOST


def test_sixteen_bits_are_converted_in_sixteen():
    ramp = np.linspace(0, 65535, 256 * 64).astype(np.uint16).reshape(64, 256)
    wide = pyvips.Image.new_from_array(np.dstack([ramp, ramp[::-1], ramp.T.reshape(64, 256)]))
    wide = wide.copy(interpretation="rgb16")
    wide.set_type(pyvips.GValue.blob_type, "icc-profile-data", PROFILES["display-p3"])
    source = wide.pngsave_buffer()

    made = pyvips.Image.new_from_buffer(rendered(source, WHOLE).file, "")

    eight = Image.fromarray((wide.numpy() / 257 + 0.5).astype(np.uint8))
    assert made.format == "ushort"
    assert difference(made.numpy() / 257, by_lcms(eight, PROFILES["display-p3"])) <= MOST
    assert len(np.unique(made.numpy()[..., 1])) > 5000


REAL = [
    "Channel_digital_image_CMYK_color.jpg",
    "Channel_digital_image_CMYK_color_no_profile.jpg",
    "pil_sample_cmyk.jpg",
    "p3.png",
    "prophoto.png",
    "gain-map.jpg",
]


@pytest.mark.skipif(not (SHARED / "formats").is_dir(), reason="the pictures of many kinds are not here")
@pytest.mark.parametrize("name", REAL)
def test_real_files(name):
    source = (SHARED / "formats" / name).read_bytes()
    picture = Image.open(BytesIO(source))
    profile = picture.info.get("icc_profile") or PROFILES["cmyk"]
    picture = picture if picture.mode == "CMYK" else picture.convert("RGB")

    found = rendered(source, WHOLE).picture.convert("RGB")

    assert difference(np.asarray(found), by_lcms(picture, profile)) <= MOST
