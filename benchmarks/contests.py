"""Each operation, and the same work as a peer is told to do it."""

from dataclasses import dataclass
from typing import Any

JPEG = ("jpeg", {"quality": 80, "optimiseCoding": False})
"""What simplejpeg and libvips do by default too: 4:2:0, the standard's Huffman tables."""
PNG = ("png", {"compressionLevel": 6})
WEBP = ("webp", {"quality": 80, "effort": 4})
GIF = ("gif", {"effort": 7})
TURN = [[0.8660254, -0.5], [0.5, 0.8660254]]
EMBOSS = [-2, -1, 0, -1, 1, 1, 0, 1, 2]

Step = dict[str, Any]
Chain = list[list[Any]]


@dataclass(frozen=True, slots=True)
class Sharp:
    """A chain of sharp's methods, its output's method with options; ``@mark`` is a file of ``samples.py``."""

    chain: Chain
    write: tuple[str, dict[str, Any]] | None = JPEG
    read: Step | None = None

    name = "sharp"


@dataclass(frozen=True, slots=True)
class Bare:
    """A function of ``peers/bare.py``."""

    function: str
    name: str = "libvips"


@dataclass(frozen=True, slots=True)
class Contest:
    """One row of the table: our pipeline beside the peer's work, on one of the sources of ``samples.py``."""

    title: str
    steps: list[Step]
    peer: Sharp | Bare
    source: str = "photo"
    note: str = ""


def step(action: str, **parameters: Any) -> list[Step]:
    """A pipeline of one step."""
    return [{"id": "made", "action": action, **parameters}]


CONTESTS = [
    Contest(
        "resize",
        step("resize", width=1600),
        Sharp([["resize", 1600, None, {"fastShrinkOnLoad": False}]]),
    ),
    Contest(
        "resize, cover",
        step("resize", width=1000, height=1000, fit="cover", gravity="attention"),
        Sharp([["resize", 1000, 1000, {"position": "attention", "fastShrinkOnLoad": False}]]),
    ),
    Contest(
        "thumbnail", step("thumbnail", width=800), Sharp([["resize", 800, None, {"fastShrinkOnLoad": False}]])
    ),
    Contest(
        "thumbnail, sharp's default",
        step("thumbnail", width=800),
        Sharp([["resize", 800]]),
        note="sharp decodes at a quarter and scales by 1.25 from there: 12 dB further from a full decode",
    ),
    Contest("zoom", step("zoom", x=1.3, y=1.3), Sharp([["resize", 5200, 3900]])),
    Contest(
        "crop",
        step("crop", x=1000, y=1000, width=2000, height=2000),
        Sharp([["extract", {"left": 1000, "top": 1000, "width": 2000, "height": 2000}]]),
    ),
    Contest(
        "crop, from the upper part",
        step("crop", x=1000, y=500, width=2000, height=2000),
        Sharp([["extract", {"left": 1000, "top": 500, "width": 2000, "height": 2000}]]),
        note="sharp reads no further than the box, and takes a file that is damaged below",
    ),
    Contest("trim", step("trim", threshold=10), Sharp([["trim", {"threshold": 10}]]), source="framed"),
    Contest(
        "pad",
        step("pad", top=100, right=100, bottom=100, left=100, color="teal"),
        Sharp([["extend", {"top": 100, "right": 100, "bottom": 100, "left": 100, "background": "teal"}]]),
    ),
    Contest(
        "extend",
        step("extend", width=4400, height=3400, mode="mirror"),
        Sharp([["extend", {"top": 200, "right": 200, "bottom": 200, "left": 200, "extendWith": "mirror"}]]),
    ),
    Contest(
        "border",
        step("border", width=50),
        Sharp([["extend", {"top": 50, "right": 50, "bottom": 50, "left": 50, "background": "black"}]]),
    ),
    Contest(
        "round_corners",
        step("round_corners", radius=300, color="white"),
        Sharp([["composite", [{"input": "@corners", "blend": "dest-in"}]]]),
    ),
    Contest(
        "background",
        step("background", color="white", format="jpeg"),
        Sharp([["flatten", {"background": "white"}]]),
        source="alpha",
    ),
    Contest("rotate", step("rotate", angle=90), Sharp([["rotate", 90]])),
    Contest(
        "rotate, 30°",
        step("rotate", angle=30, background="white"),
        Sharp([["affine", TURN, {"background": "white", "interpolator": "bicubic"}]]),
    ),
    Contest(
        "rotate, 30°, sharp's default",
        step("rotate", angle=30, background="white"),
        Sharp([["rotate", 30, {"background": "white"}]]),
        note="sharp's `rotate` interpolates linearly, which blurs",
    ),
    Contest("flip", step("flip", axis="vertical"), Sharp([["flip"]])),
    Contest("flip, horizontal", step("flip", axis="horizontal"), Sharp([["flop"]])),
    Contest("auto_orient", step("auto_orient"), Sharp([["autoOrient"]]), source="turned"),
    Contest("blur", step("blur", sigma=3), Sharp([["blur", 3]])),
    Contest("blur, sigma 50", step("blur", sigma=50), Sharp([["blur", 50]])),
    Contest("sharpen", step("sharpen", sigma=1), Sharp([["sharpen", {"sigma": 1}]])),
    Contest("unsharp", step("unsharp", sigma=2), Bare("unsharp", "Pillow")),
    Contest("pixelate", step("pixelate", size=10), Bare("pixelate")),
    Contest("median", step("median", size=3), Sharp([["median", 3]])),
    Contest("median, 9 × 9", step("median", size=9), Sharp([["median", 9]])),
    Contest(
        "convolve",
        step("convolve", kernel=EMBOSS),
        Sharp([["convolve", {"width": 3, "height": 3, "kernel": EMBOSS}]]),
    ),
    Contest(
        "redact",
        step("redact", regions=[{"x": 1000, "y": 1000, "width": 1000, "height": 800}], strength=0.2),
        Bare("redact", "Pillow"),
    ),
    Contest("grayscale", step("grayscale"), Sharp([["grayscale"]])),
    Contest(
        "sepia",
        step("sepia", amount=1),
        Sharp([["recomb", [[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]]]]),
    ),
    Contest("invert", step("invert"), Sharp([["negate"]])),
    Contest("threshold", step("threshold"), Sharp([["threshold", 128]])),
    Contest("tint", step("tint", color="teal"), Sharp([["tint", "teal"]])),
    Contest(
        "duotone",
        step("duotone", shadow="#102040", highlight="#ffe0c0"),
        Bare("duotone", "Pillow"),
    ),
    Contest(
        "adjust",
        step("adjust", brightness=1.1, saturation=1.2, hue=30),
        Sharp([["modulate", {"brightness": 1.1, "saturation": 1.2, "hue": 30}]]),
    ),
    Contest("adjust, contrast", step("adjust", contrast=1.2), Sharp([["linear", 1.2, -25.5]])),
    Contest("gamma", step("gamma"), Bare("gamma")),
    Contest("normalize", step("normalize"), Sharp([["normalise", {"lower": 1, "upper": 99}]])),
    Contest("equalize", step("equalize"), Bare("equalize")),
    Contest(
        "clahe",
        step("clahe", width=64, height=64),
        Sharp([["clahe", {"width": 64, "height": 64}]]),
    ),
    Contest("noise", step("noise"), Bare("noise")),
    Contest("vignette", step("vignette"), Bare("vignette")),
    Contest("gradient", step("gradient"), Sharp([["composite", [{"input": "@gradient"}]]])),
    Contest(
        "watermark",
        step("watermark", image="mark", width=800),
        Sharp([["composite", [{"input": "@mark", "gravity": "southeast"}]]]),
    ),
    Contest(
        "composite",
        step("composite", layers=[{"image": "mark", "blend": "multiply", "gravity": "north"}]),
        Sharp([["composite", [{"input": "@mark", "blend": "multiply", "gravity": "north"}]]]),
    ),
    Contest(
        "text",
        step("text", text="The quick brown fox", size=100),
        Sharp(
            [
                [
                    "composite",
                    [
                        {
                            "input": {
                                "text": {"text": "The quick brown fox", "font": "Noto Sans 100", "rgba": True}
                            }
                        }
                    ],
                ]
            ]
        ),
    ),
    Contest(
        "contact_sheet",
        step("contact_sheet", images=["mark"], columns=2, width=512, height=512, gap=0),
        Bare("contact_sheet"),
    ),
    Contest(
        "animate",
        step("animate", images=["mark"], width=800, height=600, background="white"),
        Bare("animate"),
    ),
    Contest(
        "metadata",
        step("metadata", keep=["exif", "icc"]),
        Sharp([["keepExif"], ["keepIccProfile"]]),
    ),
    Contest("icc", step("icc", to="p3"), Sharp([["withIccProfile", "p3"]])),
    Contest(
        "icc, cmyk", step("icc", to="cmyk"), Sharp([["toColourspace", "cmyk"], ["withIccProfile", "cmyk"]])
    ),
    Contest(
        "frames",
        step("frames", first=10, count=20),
        Sharp([], GIF, {"page": 10, "pages": 20}),
        source="animation",
    ),
    Contest("GIF of 50 frames", step("thumbnail", width=200), Bare("thumbnail"), source="animation"),
    Contest("WebP of 50 frames", step("thumbnail", width=200), Bare("scaled"), source="animation_webp"),
    Contest(
        "WebP of 50 frames, `thumbnail`",
        step("thumbnail", width=200),
        Bare("thumbnail"),
        source="animation_webp",
        note="libvips has libwebp scale while it decodes, without a kernel",
    ),
    Contest("info", step("info"), Bare("info")),
    Contest("blurhash", step("blurhash"), Bare("blurhash")),
    Contest("thumbhash", step("thumbhash"), Bare("thumbhash")),
    Contest("palette", step("palette"), Bare("palette", "Pillow")),
    Contest("phash", step("phash"), Bare("phash", "Pillow")),
    Contest(
        "tiles",
        step("tiles", format="jpeg"),
        Sharp([["jpeg", JPEG[1]]], ("tile", {"size": 256, "overlap": 0, "layout": "dz", "container": "zip"})),
    ),
    Contest(
        "responsive_set",
        step("responsive_set", widths=[400, 800, 1600], formats=["webp", "jpeg"]),
        Bare("responsive_set"),
        note="libvips makes the files alone",
    ),
    Contest(
        "to WebP",
        step("thumbnail", width=2000, format="webp"),
        Sharp([["resize", 2000, None, {"fastShrinkOnLoad": False}]], WEBP),
    ),
    Contest(
        "to PNG",
        step("thumbnail", width=2000, format="png"),
        Sharp([["resize", 2000, None, {"fastShrinkOnLoad": False}]], PNG),
    ),
    Contest(
        "to AVIF",
        step("thumbnail", width=800, format="avif"),
        Sharp(
            [["resize", 800, None, {"fastShrinkOnLoad": False}]],
            ("avif", {"quality": 50, "effort": 4, "chromaSubsampling": "4:2:0"}),
        ),
    ),
    Contest(
        "small to WebP",
        step("thumbnail", width=150, format="webp"),
        Sharp([["resize", 150, None, {"fastShrinkOnLoad": False}]], WEBP),
        source="small",
    ),
]
"""In the order of the registry."""

WITHOUT_PEER: dict[str, str] = {}
"""Operations that no row measures, and why."""
