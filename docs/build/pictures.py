"""Draws the small pictures that the examples start from; nothing in them is left to chance."""

from collections.abc import Callable, Mapping
from io import BytesIO
from math import cos, pi, sin
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

PHOTO = Path(__file__).parents[2] / "examples" / "kodim23.png"
WIDTH, HEIGHT = 360, 240
_FRAMES = 12
_OVERSAMPLED = 4


def parrots() -> bytes:
    """The photo that most examples start from."""
    return _webp(_photo())


def faded() -> bytes:
    """The photo as a hazy day would show it."""
    return _webp(_mapped(lambda values: 96 + values * 80))


def dim() -> bytes:
    """The photo in little light."""
    return _webp(_mapped(lambda values: values**2 * 200))


def speckled() -> bytes:
    """The photo with single pixels lost."""
    pixels = np.asarray(_photo()).copy()
    chance = np.random.default_rng(23).random((HEIGHT, WIDTH))
    pixels[chance < 0.04] = 0
    pixels[chance > 0.96] = 255
    return _webp(Image.fromarray(pixels))


def sideways() -> bytes:
    """A JPEG whose pixels lie on their side, and whose EXIF says so."""
    exif = Image.Exif()
    exif[0x0112] = 6
    file = BytesIO()
    _photo().transpose(Image.Transpose.ROTATE_90).save(file, "JPEG", quality=85, exif=exif)
    return file.getvalue()


def stored() -> bytes:
    """The same as a viewer that does not look at EXIF shows it."""
    return _webp(_photo().transpose(Image.Transpose.ROTATE_90))


def badge() -> bytes:
    """A logo with transparency around it."""
    return _webp(_badge(120), lossless=True)


def card() -> bytes:
    """The logo, off the middle of much white."""
    ground = Image.new("RGB", (300, 200), "white")
    logo = _badge(120)
    ground.paste(logo, (150, 30), logo)
    return _webp(ground)


def dial() -> bytes:
    """An animation: a hand that goes round in twelve frames, each with its number of dots."""
    file = BytesIO()
    first, *rest = (_dial(frame) for frame in range(_FRAMES))
    first.save(file, "WEBP", save_all=True, append_images=rest, duration=120, loop=0, lossless=True)
    return file.getvalue()


DRAWN: Mapping[str, Callable[[], bytes]] = {
    "parrots.webp": parrots,
    "faded.webp": faded,
    "dim.webp": dim,
    "speckled.webp": speckled,
    "sideways.jpg": sideways,
    "stored.webp": stored,
    "badge.webp": badge,
    "card.webp": card,
    "dial.webp": dial,
}
"""Each by the name of its file."""


def _photo() -> Image.Image:
    with Image.open(PHOTO) as photo:
        return photo.convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def _mapped(curve: Callable[[np.ndarray], np.ndarray]) -> Image.Image:
    values = np.asarray(_photo()) / 255
    return Image.fromarray(curve(values).clip(0, 255).round().astype(np.uint8))


def _badge(side: int) -> Image.Image:
    large = side * _OVERSAMPLED
    picture = Image.new("RGBA", (large, large), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    edge = large // 24
    draw.ellipse((0, 0, large - 1, large - 1), fill="#12355b")
    draw.ellipse((edge, edge, large - 1 - edge, large - 1 - edge), fill="#f2a541")
    middle = large / 2
    star = [
        (middle + reach * large * sin(turn), middle - reach * large * cos(turn))
        for corner in range(10)
        for turn, reach in [(corner * pi / 5, 0.38 if corner % 2 == 0 else 0.16)]
    ]
    draw.polygon(star, fill="#12355b")
    return picture.resize((side, side), Image.Resampling.LANCZOS)


def _dial(frame: int) -> Image.Image:
    side = 120 * _OVERSAMPLED
    picture = Image.new("RGB", (side, side), "#12355b")
    draw = ImageDraw.Draw(picture)
    middle, reach = side / 2, side * 0.4
    for hour in range(_FRAMES):
        turn = hour * 2 * pi / _FRAMES
        x, y = middle + reach * sin(turn), middle - reach * cos(turn)
        size = side / 24
        color = "#f2a541" if hour <= frame else "#3c5a7d"
        draw.ellipse((x - size, y - size, x + size, y + size), fill=color)
    turn = frame * 2 * pi / _FRAMES
    tip = (middle + reach * 0.7 * sin(turn), middle - reach * 0.7 * cos(turn))
    draw.line((middle, middle, *tip), fill="white", width=side // 24)
    return picture.resize((side // _OVERSAMPLED, side // _OVERSAMPLED), Image.Resampling.LANCZOS)


def _webp(picture: Image.Image, *, lossless: bool = False) -> bytes:
    file = BytesIO()
    picture.save(file, "WEBP", quality=88, lossless=lossless, method=6)
    return file.getvalue()
