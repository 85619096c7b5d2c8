"""One example of each operation, which its page and the gallery show.

Every step has the id of its action unless it says otherwise; the last one is shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Example:
    """Steps on one of the pictures in ``pictures.py``."""

    steps: Sequence[Mapping[str, Any]]
    source: str = "parrots.webp"
    assets: Mapping[str, str] = field(default_factory=dict)
    """Pictures by the ids under which the steps refer to them."""
    shown: str = ""
    """The picture to show as what it was before, where that is not the source itself."""
    told: Sequence[str] = ()
    """What ``info`` tells of the result, for operations whose work the eye does not see."""


def example(action: str, /, **parameters: Any) -> tuple[str, Example]:
    """One step on the photo."""
    return on("parrots.webp", action, **parameters)


def on(source: str, action: str, /, told: Sequence[str] = (), **parameters: Any) -> tuple[str, Example]:
    """One step on another picture."""
    return action, Example([{"action": action, **parameters}], source, told=told)


def with_assets(action: str, assets: Mapping[str, str], /, **parameters: Any) -> tuple[str, Example]:
    """One step on the photo that refers to other pictures."""
    return action, Example([{"action": action, **parameters}], assets=assets)


EXAMPLES: Mapping[str, Example] = dict(
    [
        example("resize", width=200, height=200, fit="cover", gravity="attention"),
        example("thumbnail", width=120, height=120),
        example("zoom", x=0.5, y=0.9),
        example("crop", x=190, y=20, width=150, height=150),
        on("card.webp", "trim", margin=8),
        example("rotate", angle=15),
        example("flip", axis="horizontal"),
        ("auto_orient", Example([{"action": "auto_orient"}], "sideways.jpg", shown="stored.webp")),
        example("pad", top=16, right=16, bottom=64, left=16, color="#e8dcc4"),
        example("extend", aspect_ratio="1:1", mode="blur"),
        example("border", width=12, color="#12355b"),
        on("badge.webp", "background", color="#7fb7be"),
        example("round_corners", radius=48),
        example("blur", sigma=6),
        example("sharpen", sigma=2, jagged=6),
        example("unsharp", sigma=3, amount=2),
        example("pixelate", size=12),
        example(
            "redact", regions=[{"x": 34, "y": 80, "width": 84, "height": 70}], mode="pixelate", strength=0.2
        ),
        on("speckled.webp", "median", size=3),
        example("convolve", kernel=[[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]),
        example("grayscale"),
        example("sepia", amount=1),
        example("invert"),
        example("adjust", brightness=1.15, saturation=1.4, hue=-25),
        example("tint", color="orange"),
        example("duotone", shadow="#1b2a6b", highlight="#ffd166"),
        on("dim.webp", "gamma", value=2.2),
        example("threshold", value=110),
        on("faded.webp", "normalize"),
        on("faded.webp", "equalize"),
        on("faded.webp", "clahe", width=48, height=48, max_slope=20),
        example("noise", amount=0.12),
        example("vignette", strength=0.9),
        example("gradient", color="#12355b", direction="down", start=0.3),
        (
            "composite",
            Example(
                [
                    {
                        "id": "face",
                        "action": "crop",
                        "x": 210,
                        "y": 30,
                        "width": 120,
                        "height": 120,
                        "output": False,
                    },
                    {
                        "id": "round",
                        "action": "round_corners",
                        "from": "face",
                        "radius": "max",
                        "output": False,
                    },
                    {"id": "soft", "action": "blur", "sigma": 8, "output": False},
                    {
                        "action": "composite",
                        "from": "soft",
                        "layers": [
                            {"image": "step:round", "gravity": "center"},
                            {"image": "logo", "gravity": "south_east", "x": 12, "y": 12, "blend": "multiply"},
                        ],
                    },
                ],
                assets={"logo": "badge.webp"},
            ),
        ),
        with_assets("watermark", {"logo": "badge.webp"}, image="logo", scale=0.25, margin=12, opacity=0.9),
        example(
            "text",
            text="Two parrots",
            size=40,
            color="white",
            stroke=2,
            stroke_color="#12355b",
            gravity="south",
            y=16,
        ),
        on(
            "parrots.webp",
            "metadata",
            ["exif"],
            set={"artist": "Ada Lovelace", "copyright": "Free for every use"},
        ),
        on("parrots.webp", "icc", ["icc"], to="p3"),
        with_assets(
            "contact_sheet",
            {"one": "faded.webp", "two": "badge.webp", "three": "card.webp"},
            images=["one", "two", "three"],
            width=180,
            height=120,
            captions=["Parrots", "Faded", "Badge", "Card"],
        ),
        with_assets(
            "animate",
            {"one": "faded.webp", "two": "dim.webp"},
            images=["one", "two"],
            width=240,
            delay=800,
        ),
        on("dial.webp", "frames", first=3, count=6, delay=300),
        example("info"),
        example("blurhash"),
        example("thumbhash"),
        example("palette", colors=4),
        example("phash"),
        example("responsive_set", widths=[160, 320], sizes="50vw", alt="Two parrots"),
        example("tiles", size=128, overlap=1),
    ]
)
"""Each by the name of its operation."""
