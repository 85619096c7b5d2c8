"""The files that operations are measured on: a 12-megapixel photo, and what is made of it."""

from pathlib import Path

import pyvips
from pictures import WORK, picture

FRAMES = 50
DRAWINGS = {
    "corners": '<svg width="4000" height="3000"><rect width="4000" height="3000" rx="300" ry="300"/></svg>',
    "gradient": (
        '<svg width="4000" height="3000"><defs><linearGradient id="g" x1="0" y1="0" x2="0" y2="1">'
        '<stop offset="0" stop-opacity="0"/><stop offset="1" stop-opacity="1"/></linearGradient></defs>'
        '<rect width="4000" height="3000" fill="url(#g)"/></svg>'
    ),
}
"""What a user of sharp draws for it."""


def sources() -> dict[str, Path]:
    """The files by name, made once."""
    folder = WORK / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    photo, small = picture("landscape_4000x3000.jpg"), picture("landscape_640x480.jpg")
    made = {
        "framed": folder / "framed.jpg",
        "alpha": folder / "alpha.png",
        "turned": folder / "turned.jpg",
        "animation": folder / "animation.gif",
        "animation_webp": folder / "animation.webp",
        "mark": folder / "mark.png",
        "corners": folder / "corners.svg",
        "gradient": folder / "gradient.svg",
    }
    for name, path in made.items():
        if not path.exists():
            _make(name, photo, path)
    return {"photo": photo, "small": small, **made}


def _make(name: str, photo: Path, path: Path) -> None:
    if name in DRAWINGS:
        path.write_text(DRAWINGS[name])
        return
    image = pyvips.Image.new_from_file(str(photo)).copy_memory()
    if name == "framed":
        image = image.crop(0, 0, 3600, 2600).embed(200, 200, 4000, 3000, background=[255] * 3, extend="white")
    elif name == "alpha":
        image = image.bandjoin(
            pyvips.Image.xyz(image.width, image.height)[0].linear(255 / 4000, 0).cast("uchar")
        )
    elif name == "turned":
        image = image.copy()
        image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    elif name == "mark":
        image = image.thumbnail_image(800).addalpha() * [1, 1, 1, 0.5]
        image = image.cast("uchar").copy(interpretation="srgb")
    else:
        small = image.thumbnail_image(1000).copy_memory()
        frames = [small.crop(8 * n, 4 * n, 500, 400) for n in range(FRAMES)]
        image = pyvips.Image.arrayjoin(frames, across=1).copy()
        image.set_type(pyvips.GValue.gint_type, "page-height", 400)
        image.set_type(pyvips.GValue.array_int_type, "delay", [50] * FRAMES)
    partial = path.with_name(f"partial_{path.name}")
    image.write_to_file(str(partial), **({"Q": 80} if path.suffix in {".jpg", ".webp"} else {}))
    partial.rename(path)
