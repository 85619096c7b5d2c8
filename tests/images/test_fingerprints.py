"""Placeholders, palettes and perceptual hashes, against decoders and definitions written here."""

import json
from base64 import b64decode
from math import cos, pi

import numpy as np
import pytest
from PIL import Image

from harness.operating import animation, apply, psnr, still
from harness.pictures import encoded, photo
from harness.rendering import rendered

BASE83 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
PHOTO = np.asarray(photo(48, 36))
LARGE = photo(1200, 900, seed=3)


def pattern(width, height, alpha=False):
    """What the published implementations were given to make the strings below."""
    y, x = np.mgrid[0:height, 0:width]
    bands = [x * 7 + y * 3, x * x + y * 5, 255 - x * 2 + y * y]
    return np.stack([*bands, *([x * 5 + y * 11] if alpha else [])], -1).astype(np.uint8)


def number(letters):
    value = 0
    for letter in letters:
        value = value * 83 + BASE83.index(letter)
    return value


def to_linear(value):
    value = np.asarray(value, float) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def unblurred(text, width, height):
    """A BlurHash drawn, after its published description."""
    across, down = number(text[0]) % 9 + 1, number(text[0]) // 9 + 1
    assert len(text) == 4 + 2 * across * down
    most, mean = (number(text[1]) + 1) / 166, number(text[2:6])
    waves = [to_linear([mean >> 16, mean >> 8 & 255, mean & 255])]
    for at in range(6, len(text), 2):
        packed = number(text[at : at + 2])
        parts = np.array([packed // 361, packed // 19 % 19, packed % 19]) - 9
        waves.append(np.sign(parts) * (parts / 9) ** 2 * most)
    y, x = np.mgrid[0:height, 0:width]
    light = sum(
        wave * (np.cos(pi * x * (i % across) / width) * np.cos(pi * y * (i // across) / height))[..., None]
        for i, wave in enumerate(waves)
    ).clip(0, 1)
    curve = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return (curve * 255 + 0.5).astype(np.uint8)


def unthumbed(content, width, height):
    """A ThumbHash drawn, RGBA as 0–255, after its published description."""
    head = int.from_bytes(content[:5], "little")
    landscape, alpha = head >> 39, head >> 23 & 1
    short, long = head >> 24 & 7, 5 if alpha else 7
    across, down = (long, short) if landscape else (short, long)
    parts = [
        ((head & 63) / 63, (head >> 18 & 31) / 31, max(3, across), max(3, down)),
        ((head >> 6 & 63) / 31.5 - 1, (head >> 27 & 63) / 63, 3, 3),
        ((head >> 12 & 63) / 31.5 - 1, (head >> 33 & 63) / 63, 3, 3),
    ]
    if alpha:
        parts.append(((content[5] & 15) / 15, (content[5] >> 4) / 15, 5, 5))
    rest = iter([n for byte in content[6 if alpha else 5 :] for n in (byte & 15, byte >> 4)])
    channels = []
    for mean, scale, nx, ny in parts:
        value = np.full((height, width), mean)
        for j in range(ny):
            for i in range(nx):
                if (i or j) and i * ny < nx * (ny - j):
                    wave = np.outer(
                        [cos(pi / height * (y + 0.5) * j) for y in range(height)],
                        [cos(pi / width * (x + 0.5) * i) for x in range(width)],
                    )
                    value = value + 2 * wave * (next(rest) / 7.5 - 1) * scale
        channels.append(value)
    assert len(list(rest)) <= 1
    light, yellow, ruddy, *cover = channels
    blue = light - 2 / 3 * yellow
    red = (3 * light - blue + ruddy) / 2
    solid = cover[0] if cover else np.ones_like(light)
    return np.stack([red, red - ruddy, blue, solid], -1).clip(0, 1) * 255


def soft(size):
    """Few waves, as a placeholder can show them."""
    return photo(900, 700, seed=3).resize((4, 3)).resize(size, Image.Resampling.BICUBIC)


@pytest.mark.parametrize(
    ("size", "components", "known"),
    [
        ((48, 36), (4, 3), "LYGI[zru1cI?W0M}Ip+ejgWXsls+"),
        ((48, 36), (1, 1), "00GI[z"),
        ((48, 36), (3, 6), "lYGI[zru1cW0M}IpjgWXslokbIWTf:V}k8oja+ba"),
        ((30, 50), (4, 3), "LNH_ux7L6KxaMp0z:BmqEV#mw{GT"),
        ((64, 5), (4, 3), "LeF=|bN99b5+-tW0NgSja#f9bIj]"),
    ],
)
def test_a_blurhash_is_the_published_implementation_s(size, components, known):
    across, down = components

    found = apply(still(pattern(*size)), "blurhash", x_components=across, y_components=down)

    assert found == {"blurhash": known}


@pytest.mark.parametrize(
    ("size", "alpha", "known"),
    [
        ((48, 36), False, "n/cFHYoHgWU2kkdqiKZniwpgooCI"),
        ((30, 50), False, "IAgGHAg2Z3Bmh3iWp6c0EUCgcg=="),
        ((64, 5), False, "4gUKMYIWYEaImHl3cFZYwHs="),
        ((32, 32), False, "4BcGHwogR5gXWYmIdqh3uHmZFgMEQGkG"),
        ((48, 36), True, "n/eBDIQYCIIq0Y2YyCBICnl6hIiHhyYHBw=="),
        ((20, 64), True, "IBiGCgQIRSQJualHJWAlYGN4cng5Bqc="),
    ],
)
def test_a_thumbhash_is_the_published_implementation_s(size, alpha, known):
    assert apply(still(pattern(*size, alpha)), "thumbhash") == {"thumbhash": known}


def test_a_blurhash_decodes_to_a_blur_of_the_picture():
    found = json.loads(
        rendered(encoded(LARGE), {"action": "blurhash", "x_components": 9, "y_components": 9}).file
    )

    drawn = unblurred(found["blurhash"], 60, 45)

    assert psnr(drawn, np.asarray(LARGE.resize((60, 45), Image.Resampling.BOX))) > 20
    other = np.asarray(photo(1200, 900, seed=8).resize((60, 45), Image.Resampling.BOX))
    assert psnr(drawn, other) < 17


@pytest.mark.parametrize("size", [(1200, 900), (400, 1000)])
def test_a_thumbhash_decodes_to_a_blur_of_the_picture(size):
    picture = soft(size)
    found = json.loads(rendered(encoded(picture), {"action": "thumbhash"}).file)

    drawn = unthumbed(b64decode(found["thumbhash"]), 60, 45)

    assert psnr(drawn[..., :3], np.asarray(picture.resize((60, 45), Image.Resampling.BOX))) > 20
    assert drawn[..., 3].min() == 255


def test_a_thumbhash_keeps_what_shows_through():
    picture = np.concatenate([PHOTO, np.full((36, 48, 1), 255, np.uint8)], 2)
    picture[:, 24:, 3] = 0

    drawn = unthumbed(b64decode(apply(still(picture), "thumbhash")["thumbhash"]), 48, 36)

    assert drawn[:, :16, 3].mean() > 200
    assert drawn[:, 32:, 3].mean() < 55


def test_where_a_picture_is_transparent_a_blurhash_is_white():
    nothing = np.zeros((36, 48, 4), np.uint8)

    assert unblurred(apply(still(nothing), "blurhash")["blurhash"], 4, 4).min() > 245


AREAS = {(250, 20, 30): 0.5, (20, 40, 200): 0.3, (240, 240, 235): 0.2}


def striped():
    rows = [np.full((round(100 * share), 80, 3), color, np.uint8) for color, share in AREAS.items()]
    return np.concatenate(rows)


def rgb(color):
    return [int(color[at : at + 2], 16) for at in (1, 3, 5)]


def test_a_palette_has_the_colours_with_their_shares():
    found = apply(still(striped()), "palette")

    assert {tuple(rgb(one["color"])): one["share"] for one in found["colors"]} == AREAS
    assert found["dominant"] == "#fa141e"
    assert rgb(found["average"]) == np.floor(striped().mean((0, 1)) + 0.5).tolist()


def test_fewer_colours_are_told_if_fewer_are_asked_for():
    (only,) = apply(still(PHOTO), "palette", colors=1)["colors"]

    assert only["share"] == 1
    assert rgb(only["color"]) == np.floor(PHOTO.mean((0, 1)) + 0.5).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_a_palette_is_as_near_to_the_pixels_as_pillow_s(seed):
    picture = photo(640, 480, seed)
    small = picture.resize((128, 96), Image.Resampling.LANCZOS)
    pixels = np.asarray(small, float).reshape(-1, 3)

    def error(colors):
        distances = ((pixels[:, None] - np.asarray(colors, float)[None]) ** 2).sum(2)
        return np.sqrt(distances.min(1).mean())

    found = json.loads(rendered(encoded(picture, "PNG"), {"action": "palette", "colors": 6}).file)
    pillow = np.asarray(small.quantize(6, Image.Quantize.FASTOCTREE).getpalette()[:18]).reshape(-1, 3)

    shares = [one["share"] for one in found["colors"]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=0.001)
    assert error([rgb(one["color"]) for one in found["colors"]]) <= error(pillow)
    assert np.abs(np.array(rgb(found["average"])) - np.asarray(picture).mean((0, 1))).max() < 2


def test_what_cannot_be_seen_has_no_colour():
    picture = np.zeros((40, 40, 4), np.uint8)
    picture[:, :10] = (200, 100, 50, 255)
    picture[:, 10:] = (0, 255, 0, 0)

    found = apply(still(picture), "palette")
    nothing = apply(still(picture[:, 10:]), "palette")

    assert (found["average"], [one["color"] for one in found["colors"]]) == ("#c86432", ["#c86432"])
    assert nothing == {"average": None, "dominant": None, "colors": []}


def defined_phash(picture):
    """As imagehash defines it, its transform written as the sum that it is."""
    small = np.asarray(picture.convert("L").resize((32, 32), Image.Resampling.LANCZOS), float)
    low = np.zeros((8, 8))
    place = np.arange(32)
    for row in range(8):
        for column in range(8):
            down, across = (np.cos(pi * k * (2 * place + 1) / 64) for k in (row, column))
            low[row, column] = 4 * (small * np.outer(down, across)).sum()
    return sum(1 << (63 - at) for at in np.flatnonzero(low > np.median(low)).tolist())


def hashed(file, *before):
    steps = [{"id": "before", "output": False, **before[0]}] if before else []
    told = {"id": "told", "action": "phash", **({"from": "before"} if before else {})}
    return int(json.loads(rendered(file, *steps, told).files["told"])["phash"], 16)


@pytest.mark.parametrize("seed", range(4))
def test_a_perceptual_hash_is_what_imagehash_defines(seed):
    picture = photo(640 + seed, 480, seed)

    assert hashed(encoded(picture, "PNG")) == defined_phash(picture)


@pytest.mark.parametrize(
    ("size", "known"),
    [((48, 36), "8813b684aded7674"), ((300, 200), "f95255725502fb52"), ((640, 480), "ff103e916a153a55")],
)
def test_a_perceptual_hash_is_what_imagehash_itself_made(size, known):
    assert apply(still(pattern(*size)), "phash") == {"phash": known}


@pytest.mark.parametrize("seed", range(3))
def test_the_same_picture_is_near_and_another_is_far(seed):
    picture = photo(900, 600, seed)
    own = hashed(encoded(picture, "PNG"))

    for again in (
        encoded(picture, "JPEG", quality=40),
        encoded(picture.resize((450, 300)), "WEBP"),
        encoded(picture.point(lambda value: value * 0.9), "PNG"),
    ):
        assert (own ^ hashed(again)).bit_count() <= 10
    assert (own ^ hashed(encoded(photo(900, 600, seed + 10), "PNG"))).bit_count() > 10


def test_it_is_the_hash_of_the_picture_given():
    file = encoded(LARGE, "PNG")

    assert hashed(file, {"action": "flip", "axis": "horizontal"}) == hashed(
        encoded(LARGE.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "PNG")
    )


def test_a_flat_picture_has_no_waves():
    assert apply(still(np.full((50, 70, 3), 90, np.uint8)), "phash") == {"phash": "8000000000000000"}


@pytest.mark.parametrize("action", ["blurhash", "thumbhash", "palette", "phash"])
def test_depth_and_frames_change_nothing(action):
    told = apply(still(PHOTO), action)

    assert apply(still(PHOTO.astype(np.uint16) * 257), action) == told
    assert apply(animation([PHOTO, PHOTO[::-1].copy()]), action) == told
    grey = np.asarray(photo(48, 36).convert("L"))
    assert apply(still(grey), action) == apply(still(np.stack([grey] * 3, -1)), action)


@pytest.mark.parametrize("action", ["blurhash", "thumbhash", "palette", "phash"])
@pytest.mark.parametrize("size", [(1, 1), (1, 700), (3000, 2)])
def test_any_shape_has_one(action, size):
    found = json.loads(rendered(encoded(photo(*size), "PNG"), {"action": action}).file)

    assert all(found.values())
