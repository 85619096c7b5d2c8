"""Every format in and out: the pixels are those that were drawn, and what is cut off or too large is told."""

import json
import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from harness.documents import pdf
from harness.extras import heif, jxl, needs
from harness.pictures import encoded, photo
from harness.rendering import SHARED, rendered
from pixelflow.domain.errors import ImageError
from pixelflow.domain.installed import has

PHOTO = photo(120, 80)
WHOLE = {"action": "resize", "width": 120, "format": "png"}


DELAYS = [30, 60, 90, 120]


def wide(picture: Image.Image) -> np.ndarray:
    """Its grey as 16 bits that use the low ones too."""
    grey = np.asarray(picture.convert("L")).astype(np.uint16)
    return grey * 257 ^ 0x5A


def moving(count: int = 3) -> list[Image.Image]:
    return [photo(40, 30, seed).convert("RGB") for seed in range(count)]


def frames_of(file: bytes) -> list[np.ndarray]:
    picture = Image.open(BytesIO(file))
    found = []
    for number in range(getattr(picture, "n_frames", 1)):
        picture.seek(number)
        found.append(np.asarray(picture.convert("RGB")).astype(int))
    return found


class TestStills:
    @pytest.mark.parametrize("mode", ["RGB", "L", "P", "1"])
    def test_bmp(self, mode: str) -> None:
        drawn = PHOTO.convert(mode)
        exact(encoded(drawn, "BMP"), drawn)

    def test_bmp_with_alpha(self) -> None:
        """Pillow writes none that says so: the header with masks is made here (BITMAPV4HEADER)."""
        pixels = np.arange(4 * 6 * 4, dtype=np.uint8).reshape(4, 6, 4) * 2
        masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
        header = struct.pack("<IiiHHIIiiII", 108, 6, 4, 1, 32, 3, pixels.size, 0, 0, 0, 0)
        header += masks + b"BGRs" + bytes(48)
        stored = pixels[::-1, :, [2, 1, 0, 3]].tobytes()
        file = struct.pack("<2sIHHI", b"BM", 14 + 108 + len(stored), 0, 0, 14 + 108) + header + stored

        assert (rendered(file, {"action": "resize", "width": 6, "format": "png"}).pixels == pixels).all()

    @pytest.mark.parametrize("kind", ["bmp", "png"])
    @pytest.mark.parametrize("mode", ["RGB", "RGBA"])
    def test_ico(self, kind: str, mode: str) -> None:
        drawn = PHOTO.convert(mode)
        if mode == "RGBA":
            drawn.putalpha(Image.linear_gradient("L").resize(drawn.size))
        file = encoded(drawn, "ICO", sizes=[(16, 10), (120, 80)], bitmap_format=kind)

        made = rendered(file, WHOLE).picture.convert(mode)

        assert (np.asarray(made) == np.asarray(drawn)).all()

    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
    @pytest.mark.parametrize("bare", [True, False])
    def test_jpeg_2000(self, mode: str, bare: bool) -> None:
        drawn = PHOTO.convert(mode)
        exact(encoded(drawn, "JPEG2000", no_jp2=bare), drawn)

    def test_jpeg_2000_of_16_bits_in_grey(self) -> None:
        drawn = wide(PHOTO)
        made = rendered(encoded(Image.fromarray(drawn), "JPEG2000"), WHOLE).pixels
        assert made.dtype == np.uint16
        assert (made == drawn).all()

    @needs("heif")
    @pytest.mark.parametrize("mode", ["RGB", "RGBA"])
    def test_heic(self, mode: str) -> None:
        drawn = PHOTO.convert(mode)
        exact(heif(drawn, quality=-1, chroma=444, matrix_coefficients=0), drawn)

    @needs("heif")
    @pytest.mark.parametrize("depth", [10, 12])
    def test_heic_of_more_bits(self, depth: int) -> None:
        """10 bits are kept: neighbours that 8 bits would make one stay apart."""
        import pillow_heif

        ramp = np.linspace(0, 65535, 1024).astype(np.uint16)
        drawn = np.repeat(np.tile(ramp, (64, 1))[..., None], 3, axis=2)
        pillow_heif.options.SAVE_HDR_TO_12_BIT = depth == 12
        file = BytesIO()
        options = {"quality": -1, "chroma": 444, "matrix_coefficients": 0}
        pillow_heif.from_bytes("RGB;16", (1024, 64), drawn.tobytes()).save(file, **options)
        pillow_heif.options.SAVE_HDR_TO_12_BIT = False

        made = rendered(file.getvalue(), {"action": "metadata", "keep": ["icc"], "format": "tiff"}).file

        import tifffile

        pixels = tifffile.imread(BytesIO(made))
        assert pixels.dtype == np.uint16
        assert len(np.unique(pixels[0, :, 0])) > 1000
        assert abs(pixels.astype(int) - drawn).max() <= 65536 >> (depth - 1)

    @needs("heif")
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_a_heic_is_turned_once(self, orientation: int) -> None:
        """libheif turns it as the file's own transformations say; the EXIF repeats them."""
        tags = Image.Exif()
        tags[0x0112] = orientation
        corners = Image.new("RGB", (64, 32), "white")
        corners.paste((255, 0, 0), (0, 0, 32, 16))
        file = heif(corners, quality=95, exif=tags.tobytes())

        made = rendered(file, {"action": "resize", "width": "100%", "format": "png"}).picture.convert("RGB")

        assert made.size == ((64, 32) if orientation < 5 else (32, 64))
        places = {1: "nw", 2: "ne", 3: "se", 4: "sw", 5: "nw", 6: "ne", 7: "se", 8: "sw"}
        place = places[orientation]
        x = 4 if place[1] == "w" else made.width - 5
        y = 4 if place[0] == "n" else made.height - 5
        red, green, blue = made.getpixel((x, y))
        assert red > 200 > 100 > max(green, blue)

    @needs("jxl")
    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
    @pytest.mark.parametrize("container", [True, False])
    def test_jpeg_xl(self, mode: str, container: bool) -> None:
        drawn = PHOTO.convert(mode)
        exact(jxl(drawn, lossless=True, use_container=container), drawn)

    @needs("jxl")
    def test_jpeg_xl_of_16_bits_in_grey(self) -> None:
        """The file says that its grey is linear light, so that it is brought to sRGB's curve."""
        linear = wide(PHOTO)
        made = rendered(jxl(Image.fromarray(linear), lossless=True), WHOLE).pixels
        light = linear / 65535
        wanted = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055) * 65535
        assert made.dtype == np.uint16
        assert abs(made - wanted).max() < 65535 / 400

    @needs("jxl")
    def test_a_jpeg_inside_a_jpeg_xl_is_that_jpeg(self, tmp_path) -> None:
        (tmp_path / "photo.jpg").write_bytes(encoded(PHOTO, "JPEG", quality=90))
        with Image.open(tmp_path / "photo.jpg") as drawn:
            exact(jxl(drawn, lossless_jpeg=True), drawn)


def exact(file: bytes, drawn: Image.Image) -> None:
    """Nothing is lost from the file to our output."""
    step = {"action": "resize", "width": drawn.width, "format": "png"}
    made = rendered(file, step).picture
    bands = {"1": "L", "P": "RGB"}.get(drawn.mode, drawn.mode)
    assert made.mode == bands
    assert (np.asarray(made) == np.asarray(drawn.convert(bands))).all()


class TestAnimations:
    def test_apng_in(self) -> None:
        drawn = moving()
        file = encoded(drawn[0], "PNG", save_all=True, append_images=drawn[1:], duration=[50, 70, 90], loop=3)

        out = rendered(
            file,
            {"action": "frames", "page": 1, "format": "png"},
            {"action": "info", "id": "info"},
            {"action": "frames", "first": 0, "format": "same", "id": "same"},
        )

        assert (np.asarray(Image.open(BytesIO(out.files["s1"])).convert("RGB")) == np.asarray(drawn[1])).all()
        assert out.finished.source.format == "apng"
        same = Image.open(BytesIO(out.files["same"]))
        assert (same.n_frames, same.info["loop"]) == (3, 3)
        assert [same.seek(n) or same.info["duration"] for n in range(3)] == [50.0, 70.0, 90.0]
        for found, wanted in zip(frames_of(out.files["same"]), drawn, strict=True):
            assert (found == np.asarray(wanted)).all()

    def test_the_still_of_an_apng_is_what_a_reader_without_animation_shows(self) -> None:
        still, *rest = moving()
        file = encoded(still, "PNG", save_all=True, append_images=rest, default_image=True)

        shown = rendered(file, {"action": "frames", "first": 0, "format": "apng"}).file
        assert (frames_of(shown)[0] == np.asarray(rest[0])).all()
        plain = rendered(file, {"action": "resize", "width": 40, "format": "png"}).picture
        assert (np.asarray(plain.convert("RGB")) == np.asarray(still)).all()

    def test_avif_in(self) -> None:
        drawn = moving()
        file = encoded(
            drawn[0], "AVIF", save_all=True, append_images=drawn[1:], duration=[40, 80, 120], quality=95
        )

        out = rendered(file, {"action": "frames", "first": 1, "format": "webp", "lossless": True})

        found = frames_of(out.file)
        assert len(found) == 2
        for made, wanted in zip(found, drawn[1:], strict=True):
            assert abs(made - np.asarray(wanted)).mean() < 4

    @pytest.mark.parametrize("form", ["avif", "apng", "webp", "gif"])
    def test_out(self, form: str) -> None:
        drawn = moving(4)
        file = encoded(
            drawn[0],
            "WEBP",
            save_all=True,
            append_images=drawn[1:],
            duration=[30, 60, 90, 120],
            lossless=True,
        )

        made = rendered(file, {"action": "resize", "width": 40, "format": form}).file

        found = frames_of(made)
        assert len(found) == 4
        most = {"apng": 0, "avif": 8, "webp": 8, "gif": 12}[form]
        for frame, wanted in zip(found, drawn, strict=True):
            assert abs(frame - np.asarray(wanted)).mean() <= most
        picture = Image.open(BytesIO(made))
        delays = [
            picture.seek(number) or (picture.load() and picture.info["duration"]) for number in range(4)
        ]
        assert [round(delay) for delay in delays] == [30, 60, 90, 120]

    def test_a_sequence_with_transparency(self) -> None:
        clear = [Image.new("RGBA", (20, 10), (255, 0, 0, level)) for level in (0, 128)]
        file = encoded(clear[0], "PNG", save_all=True, append_images=clear[1:], duration=50)

        made = rendered(file, {"action": "frames", "first": 0, "format": "avif"}).file

        picture = Image.open(BytesIO(made))
        assert picture.n_frames == 2
        alphas = [picture.seek(number) or picture.convert("RGBA").getpixel((5, 5))[3] for number in range(2)]
        assert abs(np.array(alphas) - [0, 128]).max() <= 3

    @pytest.mark.parametrize("form", ["AVIF", "PNG"])
    def test_too_many_frames_are_refused_by_the_header(self, form: str) -> None:
        drawn = moving(6)
        file = encoded(drawn[0], form, save_all=True, append_images=drawn[1:], duration=50)
        with pytest.raises(ImageError, match="6 frames, the limit is 5") as found:
            rendered(file, {"action": "resize", "width": 10}, max_image_frames=5)
        assert found.value.code == "limit"

    def test_an_apng_that_announces_more_frames_than_it_has(self) -> None:
        drawn = moving()
        file = encoded(drawn[0], "PNG", save_all=True, append_images=drawn[1:], duration=50)
        at = file.index(b"acTL") - 4
        body = b"acTL" + struct.pack(">II", 150, 0)
        lying = (
            file[:at] + struct.pack(">I", 8) + body + struct.pack(">I", zlib.crc32(body)) + file[at + 20 :]
        )
        with pytest.raises(ImageError) as found:
            rendered(lying, {"action": "frames", "first": 0, "format": "apng"})
        assert found.value.code == "corrupt"


class TestPages:
    """Those of a TIFF may have sizes and depths of their own."""

    FILE = encoded(
        photo(40, 30), "TIFF", save_all=True, append_images=[photo(60, 20, 1).convert("L"), photo(24, 48, 2)]
    )

    @pytest.mark.parametrize(
        ("page", "size", "mode"), [(0, (40, 30), "RGB"), (1, (60, 20), "L"), (2, (24, 48), "RGB")]
    )
    def test_of_a_tiff(self, page: int, size: tuple[int, int], mode: str) -> None:
        out = rendered(self.FILE, {"action": "frames", "page": page, "format": "png"}).picture
        assert (out.size, out.mode) == (size, mode)
        drawn = photo(*size, page).convert(mode)
        assert (np.asarray(out) == np.asarray(drawn)).all()

    def test_several_in_one_task(self) -> None:
        steps = [{"action": "frames", "page": page, "format": "png", "id": f"p{page}"} for page in range(3)]
        small = {"action": "resize", "width": 10, "from": "p1", "format": "png", "id": "small"}
        out = rendered(self.FILE, *steps, small)
        sizes = {name: Image.open(BytesIO(file)).size for name, file in out.files.items()}
        assert sizes == {"p0": (40, 30), "p1": (60, 20), "p2": (24, 48), "small": (10, 3)}

    def test_are_counted(self) -> None:
        (file,) = rendered(self.FILE, {"action": "info"}).files.values()
        assert json.loads(file)["pages"] == 3
        assert json.loads(file)["frames"] == 1

    def test_that_are_not_there(self) -> None:
        with pytest.raises(
            ImageError, match="there is no page 3: there are 3 pages, numbers 0 to 2"
        ) as found:
            rendered(self.FILE, {"action": "frames", "page": 3})
        assert (found.value.code, found.value.step) == ("invalid", "s1")

    def test_that_are_too_large(self) -> None:
        with pytest.raises(ImageError, match="MAX_IMAGE_SIDE") as found:
            rendered(self.FILE, {"action": "frames", "page": 1}, max_image_side=50)
        assert found.value.code == "limit"

    def test_dots_an_inch_of_what_has_pixels(self) -> None:
        with pytest.raises(ImageError, match="has pixels already"):
            rendered(self.FILE, {"action": "frames", "dpi": 300})


@needs("pdf")
class TestPdf:
    @pytest.mark.parametrize(
        ("page", "dpi", "size"), [(0, 72, (144, 72)), (1, 300, (300, 600)), (1, None, (150, 300))]
    )
    def test_a_page_at_so_many_dots_an_inch(
        self, page: int, dpi: float | None, size: tuple[int, int]
    ) -> None:
        step = {"action": "frames", "page": page, "format": "png"} | ({"dpi": dpi} if dpi else {})
        out = rendered(pdf((144, 72), (72, 144)), step)
        assert out.picture.size == size
        assert out.pixels[-3, 3].tolist() == [255 * (page == 0), 255 * (page == 1), 0]

    def test_a_page_at_too_many_dots_an_inch(self) -> None:
        with pytest.raises(ImageError, match="MAX_IMAGE_AREA") as found:
            rendered(pdf((600, 800)), {"action": "frames", "dpi": 1200})
        assert found.value.code == "limit"

    def test_the_first_page_is_drawn_on_white(self) -> None:
        made = rendered(pdf((144, 72), (72, 72)), {"action": "resize", "width": "100%", "format": "png"})
        assert made.picture.size == (300, 150)
        assert made.pixels[140, 10].tolist() == [255, 0, 0]
        assert made.pixels[10, 290].tolist() == [255, 255, 255]

    def test_a_page_of_a_poster_in_hell_is_refused_before_it_is_drawn(self) -> None:
        with pytest.raises(ImageError, match="MAX_IMAGE_SIDE") as found:
            rendered(pdf((14_400, 14_400)), WHOLE)
        assert found.value.code == "limit"

    @pytest.mark.parametrize("box", ["0 0 0 0", "0 0 1e30 1e30", "5 5 -5 x", "0 0 0.0001 0.0001"])
    def test_a_page_without_a_sensible_size_does_no_harm(self, box: str) -> None:
        assert end(pdf((72, 72)).replace(b"0 0 72 72", box.encode())) in {"made", "limit", "corrupt"}

    def test_a_password(self) -> None:
        locked = pdf((72, 72)).replace(
            b"/Root 1 0 R",
            b"/Root 1 0 R /ID [<00><00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <"
            + b"00" * 32
            + b"> /U <"
            + b"11" * 32
            + b"> >>",
        )
        with pytest.raises(ImageError, match="password") as found:
            rendered(locked, WHOLE)
        assert found.value.code == "unsupported"


OUT = {"heic": "heif", "jxl": "jxl"}


class TestWritten:
    @pytest.mark.parametrize("form", [pytest.param(form, marks=needs(extra)) for form, extra in OUT.items()])
    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
    def test_lossless(self, form: str, mode: str) -> None:
        if mode in {"L", "LA"} and form == "heic":
            pytest.skip("libheif has grey only as YCbCr, which the next test holds to a tolerance")
        drawn = PHOTO.convert(mode)
        file = rendered(encoded(drawn, "PNG"), {**WHOLE, "format": form, "lossless": True}).file
        exact(file, drawn)
        assert opened(form, file).size == drawn.size

    @pytest.mark.parametrize("form", [pytest.param(form, marks=needs(extra)) for form, extra in OUT.items()])
    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
    def test_lossy(self, form: str, mode: str) -> None:
        drawn = PHOTO.convert(mode)
        sizes = []
        for quality in (30, 95):
            file = rendered(encoded(drawn, "PNG"), {**WHOLE, "format": form, "quality": quality}).file
            made = opened(form, file).convert(mode)
            difference = abs(np.asarray(made).astype(int) - np.asarray(drawn)).mean()
            assert difference < (6 if quality == 30 else 3)
            sizes.append(len(file))
        assert sizes[0] < sizes[1] / 2

    @needs("heif")
    @pytest.mark.parametrize("depth", [8, 10, 12])
    def test_heic_in_more_bits(self, depth: int) -> None:
        import pillow_heif

        drawn = Image.fromarray(wide(PHOTO))
        file = rendered(encoded(drawn, "PNG"), {**WHOLE, "format": "heic", "bit_depth": depth}).file
        assert pillow_heif.open_heif(file).info["bit_depth"] == depth

    @needs("heif")
    def test_heic_in_another_space_and_with_words(self) -> None:
        tags = Image.Exif()
        tags[0x8298] = "Ada"
        file = rendered(
            encoded(PHOTO, "JPEG", exif=tags, quality=95),
            {"action": "metadata", "keep": ["copyright"], "format": "tiff", "id": "a", "output": False},
            {"action": "icc", "to": "p3", "from": "a", "format": "heic", "quality": 90},
        ).file
        made = opened("heic", file)
        assert "P3" in profile_name(made.info["icc_profile"])
        assert made.getexif()[0x8298] == "Ada"
        back = rendered(file, WHOLE).picture
        assert abs(np.asarray(back).astype(int) - np.asarray(PHOTO)).mean() < 4

    @needs("jxl")
    def test_jpeg_xl_with_words(self) -> None:
        tags = Image.Exif()
        tags[0x8298] = "Ada"
        step = {"action": "metadata", "keep": ["copyright"], "format": "jxl"}
        file = rendered(encoded(PHOTO, "JPEG", exif=tags), step).file
        assert opened("jxl", file).getexif()[0x8298] == "Ada"
        again = rendered(file, {**step, "format": "jpeg"}).picture
        assert again.getexif()[0x8298] == "Ada"

    @needs("jxl")
    def test_jpeg_xl_takes_no_profile(self) -> None:
        with pytest.raises(ImageError, match="a jxl cannot carry a profile"):
            rendered(encoded(PHOTO), {"action": "icc", "to": "p3", "format": "jxl"})


def opened(form: str, file: bytes) -> Image.Image:
    """By another reader than ours."""
    if form == "heic":
        import pillow_heif

        return pillow_heif.open_heif(file).to_pillow()
    import pillow_jxl

    assert pillow_jxl
    return Image.open(BytesIO(file))


def profile_name(profile: bytes) -> str:
    from PIL import ImageCms

    return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(profile)))


def samples() -> dict[str, bytes]:
    drawn = moving()
    found = {
        "bmp": encoded(PHOTO, "BMP"),
        "ico": encoded(PHOTO, "ICO", bitmap_format="bmp", sizes=[(120, 80)]),
        "jp2": encoded(PHOTO, "JPEG2000"),
        "apng": encoded(drawn[0], "PNG", save_all=True, append_images=drawn[1:]),
        "avif": encoded(drawn[0], "AVIF", save_all=True, append_images=drawn[1:]),
    }
    if has("heif"):
        found["heic"] = heif(PHOTO)
    if has("jxl"):
        found["jxl"] = jxl(PHOTO)
        found["jxl in a container"] = jxl(PHOTO, use_container=True)
    if has("pdf"):
        found["pdf"] = pdf((144, 72))
    return found


SAMPLES = samples()
STEPS = [
    {"action": "resize", "width": 30, "format": "png"},
    {"action": "frames", "first": 0, "format": "same", "id": "same"},
    {"action": "info", "id": "info"},
]


def end(file: bytes) -> str:
    """What becomes of it: ``made``, or the error's code."""
    try:
        rendered(file, *STEPS, max_image_area=2_000_000)
    except ImageError as error:
        return error.code
    return "made"


@pytest.mark.parametrize("name", SAMPLES)
class TestHarm:
    def test_cut_off_anywhere_it_is_corrupt(self, name: str) -> None:
        content = SAMPLES[name]
        for kept in (12, 30, 60, 100, 200, *(len(content) * tenth // 10 for tenth in range(1, 10))):
            if kept < len(content) * 0.95:
                with pytest.raises(ImageError) as found:
                    rendered(content[:kept], *STEPS)
                assert found.value.code in {"corrupt", "unsupported"}, (kept, found.value.detail)
                assert "\n" not in found.value.detail

    def test_bytes_turned_over_make_a_picture_or_an_error(self, name: str) -> None:
        content = SAMPLES[name]
        random = np.random.default_rng(7)
        ends = set()
        for _ in range(60):
            hurt = bytearray(content)
            for place in random.integers(4, len(content), 1 + len(content) // 1000):
                hurt[place] ^= 1 << int(random.integers(0, 8))
            for place in random.integers(8, min(400, len(content)), 2):
                hurt[place] = int(random.integers(0, 256))
            ends.add(end(bytes(hurt)))
        assert ends <= {"made", "corrupt", "unsupported", "limit", "invalid"}

    def test_the_limits_hold_before_anything_is_decoded(self, name: str) -> None:
        for limit in ("max_image_side", "max_image_area"):
            with pytest.raises(ImageError, match=limit.upper()) as found:
                rendered(SAMPLES[name], *STEPS, **{limit: 25})
            assert found.value.code == "limit"


@pytest.mark.skipif(not (SHARED / "formats").is_dir(), reason="the pictures of many kinds are not here")
@needs("heif")
@pytest.mark.filterwarnings("ignore")
def test_every_file_of_many_kinds_beside_pillow() -> None:
    """Pillow with lcms is the other reader; what it shows in another way is named."""
    import pillow_heif
    from PIL import ImageCms

    pillow_heif.register_heif_opener()
    srgb = ImageCms.createProfile("sRGB")
    compared = 0
    for path in sorted((SHARED / "formats").iterdir()):
        if path.suffix == ".svg":
            continue
        content = path.read_bytes()
        out = rendered(
            content, {"action": "resize", "width": "100%", "format": "png", "bit_depth": 8}
        ).picture
        if path.name in OTHERWISE:
            continue
        other = Image.open(BytesIO(content))
        assert out.size == other.size, path.name
        if other.mode.startswith("I;16"):
            other = Image.fromarray((np.asarray(other) >> 8).astype(np.uint8))
        profile = other.info.get("icc_profile")
        if profile and other.mode in {"RGB", "CMYK"}:
            other = ImageCms.profileToProfile(
                other, ImageCms.ImageCmsProfile(BytesIO(profile)), srgb, 1, outputMode="RGB"
            )
        here, there = (np.asarray(each.convert("RGBA")).astype(int) for each in (out, other))
        seen = (there[..., 3:] > 0) & (here[..., 3:] > 0)
        assert (abs(here - there) * seen).mean() < 2, path.name
        compared += 1
    assert compared > 20


OTHERWISE = {
    "cielab-dagams.tiff": "Pillow does not read Lab of 16 bits",
    "Channel_digital_image_CMYK_color_no_profile.jpg": "Pillow knows no ink without a profile",
    "pil_sample_cmyk.jpg": "the same",
}


def test_a_long_animation_becomes_an_avif_in_time() -> None:
    """At the usual effort the most frames that are let in would take longer than a job may."""
    drawn = [photo(600, 600, seed) for seed in range(3)]
    source = encoded(drawn[0], "WEBP", save_all=True, append_images=[*drawn[1:], *drawn] * 6, quality=50)
    file = rendered(source, {"action": "frames", "first": 0, "format": "avif"}).file
    tight = rendered(source, {"action": "frames", "first": 0, "format": "avif", "effort": 2}).file
    assert file == tight
    for box in (b"mvhd", b"tkhd", b"mdhd"):
        at = file.index(box) + 4
        assert file[at] == 1
        assert file[at + 4 : at + 20] == bytes(16), "it says when it was made"
    assert getattr(Image.open(BytesIO(file)), "n_frames", 1) > 20
