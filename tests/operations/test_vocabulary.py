"""What is taken where nothing is said, and every word of other tools for a value of ours."""

from typing import Any

import pytest

from pixelflow.operations.encoding import DEFAULT_QUALITY, EFFORT, Encoding
from pixelflow.operations.pipeline import parse
from pixelflow.operations.registry import operations

DEFAULTS: dict[str, dict[str, Any]] = {
    "resize": {
        "fit": "inside",
        "gravity": "center",
        "enlarge": False,
        "dpr": 1,
        "kernel": "lanczos3",
        "background": "transparent",
        "linear": False,
    },
    "thumbnail": {"gravity": None},
    "zoom": {"x": 1, "y": 1},
    "trim": {"threshold": 10, "color": "auto", "margin": 0, "equal_h": False, "equal_v": False},
    "pad": {"gravity": "center", "mode": "background", "color": None},
    "extend": {"gravity": "center", "mode": "background", "color": None},
    "border": {"color": "black"},
    "round_corners": {"color": "transparent"},
    "rotate": {"background": "transparent"},
    "auto_orient": {"ignore": False},
    "background": {"color": "white"},
    "blur": {"sigma": 3},
    "sharpen": {"sigma": 0.5, "flat": 1, "jagged": 2},
    "unsharp": {"sigma": 1, "amount": 1},
    "pixelate": {"size": 10},
    "median": {"size": 3},
    "convolve": {"scale": None, "offset": 0},
    "redact": {"faces": False, "mode": "blur", "strength": None, "color": None, "shape": "rectangle"},
    "sepia": {"amount": 0.8},
    "threshold": {"value": 128},
    "tint": {"amount": 1},
    "duotone": {"shadow": "black", "highlight": "white", "amount": 1},
    "adjust": {"brightness": 1, "contrast": 1, "saturation": 1, "hue": 0, "lightness": 0},
    "gamma": {"value": 2.2},
    "normalize": {"lower": 1, "upper": 99},
    "clahe": {"max_slope": 3},
    "noise": {"amount": 0.1, "seed": 0},
    "vignette": {"strength": 0.5},
    "gradient": {"color": "black", "opacity": 1, "direction": "down", "start": 0, "stop": 1},
    "watermark": {
        "gravity": "south_east",
        "x": 0,
        "y": 0,
        "scale": 0.2,
        "opacity": 1,
        "tile": "none",
        "spacing": 0,
        "rotate": 0,
        "blend": "over",
        "margin": 0,
        "min_size": 0,
    },
    "text": {
        "font": "Noto Sans",
        "size": None,
        "color": "black",
        "opacity": 1,
        "gravity": "center",
        "align": "left",
        "wrap_width": "100%",
        "spacing": 0,
        "stroke": 0,
        "stroke_color": "white",
        "background": "transparent",
        "padding": 0,
        "rotate": 0,
        "tile": "none",
        "tile_spacing": 0,
    },
    "metadata": {"keep": None, "drop": ()},
    "icc": {"to": "srgb", "embed": True, "keep": False},
    "frames": {
        "first": 0,
        "count": None,
        "max_frames": None,
        "on_limit": "error",
        "loop": None,
        "delay": None,
    },
    "blurhash": {"x_components": 4, "y_components": 3},
    "palette": {"colors": 5},
    "tiles": {"layout": "dz", "size": 256, "overlap": 0, "format": "jpeg", "quality": None},
    "contact_sheet": {"own": True, "fit": "contain", "columns": None, "width": 256, "height": 256, "gap": 8},
    "animate": {"own": True, "fit": "contain", "background": "transparent", "delay": None, "loop": 0},
    "responsive_set": {"widths": (320, 640, 960, 1280, 1920), "dprs": (1.0,), "formats": None},
}
GRAVITY = {
    "north_east": "noea northeast ne top-right right-top top_right",
    "south_east": "soea southeast se bottom-right right-bottom",
    "south_west": "sowe southwest sw bottom-left left-bottom",
    "north_west": "nowe northwest nw top-left left-top",
    "north": "no n top",
    "south": "so s bottom",
    "east": "ea e right",
    "west": "we w left",
    "center": "ce c centre middle centered",
}
ROOM = {"background": "color", "copy": "edge extend replicate", "repeat": "wrap", "mirror": "reflect"}
CELL = {"contain": "inside fit pad letterbox", "cover": "crop", "fill": "stretch force"}
VALUES: list[tuple[dict[str, Any], str, dict[str, str]]] = [
    (
        {"action": "resize", "width": 9, "height": 9},
        "fit",
        {
            "inside": "fit fit-in limit clip",
            "cover": "lfill",
            "cover_down": "fill-down",
            "contain": "pad letterbox",
            "fill": "stretch force scale exact distort",
        },
    ),
    (
        {"action": "resize", "width": 9},
        "kernel",
        {"lanczos3": "lanczos", "linear": "bilinear triangle", "cubic": "bicubic catrom"},
    ),
    ({"action": "resize", "width": 9}, "gravity", {**GRAVITY, "attention": "sm smart"}),
    ({"action": "crop", "width": 9}, "gravity", {**GRAVITY, "attention": "sm smart"}),
    ({"action": "watermark", "image": "source"}, "gravity", GRAVITY),
    ({"action": "watermark", "image": "source"}, "blend", {"over": "normal", "color_dodge": "colour-dodge"}),
    ({"action": "text", "text": "a"}, "gravity", GRAVITY),
    ({"action": "text", "text": "a"}, "align", {"center": "centre middle"}),
    ({"action": "pad", "width": 9}, "mode", ROOM),
    ({"action": "extend", "width": 9}, "mode", ROOM),
    ({"action": "round_corners"}, "radius", {"max": "full circle"}),
    ({"action": "flip"}, "axis", {"horizontal": "h flop", "vertical": "v", "both": "hv vh"}),
    (
        {"action": "gradient"},
        "direction",
        {
            "down": "to-bottom bottom south",
            "left": "to-left west",
            "up": "to-top top north",
            "right": "to-right east",
        },
    ),
    (
        {"action": "redact", "regions": [{"x": 0, "y": 0, "width": 9, "height": 9}]},
        "mode",
        {"pixelate": "mosaic", "color": "fill solid"},
    ),
    (
        {"action": "redact", "regions": [{"x": 0, "y": 0, "width": 9, "height": 9}]},
        "shape",
        {"rectangle": "box", "ellipse": "oval"},
    ),
    ({"action": "icc"}, "to", {"p3": "display-p3", "srgb": "rgb"}),
    ({"action": "contact_sheet"}, "fit", CELL),
    ({"action": "animate"}, "fit", CELL),
    ({"action": "tiles"}, "layout", {"dz": "deepzoom dzi", "iiif": "iiif2"}),
    ({"action": "tiles"}, "format", {"jpeg": "jpg"}),
]
SPELLED = [
    (step, name, theirs, ours)
    for step, name, words in VALUES
    for ours, many in words.items()
    for theirs in many.split()
]


@pytest.mark.parametrize("action", DEFAULTS)
def test_what_is_left_out_is_as_the_list_of_operations_has_it(action: str) -> None:
    fields = operations()[action].model_fields

    assert {name: fields[name].default for name in DEFAULTS[action]} == DEFAULTS[action]


def test_what_a_file_is_like_where_nothing_is_said() -> None:
    plain = Encoding()

    assert plain.format == "same"
    assert {name: DEFAULT_QUALITY[name] for name in ("jpeg", "webp", "avif")} == {
        "jpeg": 80,
        "webp": 80,
        "avif": 50,
    }
    assert {name: default for name, (_, _, default) in EFFORT.items()} == {
        "webp": 4,
        "avif": 4,
        "png": 7,
        "gif": 7,
        "heic": 0,
        "jxl": 4,
    }
    assert (plain.lossless, plain.near_lossless, plain.progressive, plain.palette) == (False,) * 4
    assert (plain.chroma, plain.quality, plain.bit_depth, plain.max_bytes) == ("auto", None, None, None)


@pytest.mark.parametrize(("step", "name", "theirs", "ours"), SPELLED)
@pytest.mark.parametrize("shape", [str.lower, str.upper])
def test_another_word_for_a_value_is_ours(
    step: dict[str, Any], name: str, theirs: str, ours: str, shape: Any
) -> None:
    (made,) = parse([{"id": "it", **step, name: shape(theirs)}]).steps

    assert made.operation.model_dump()[name] == ours


@pytest.mark.parametrize(
    ("theirs", "ours"), [("jpg", "jpeg"), ("JPG", "jpeg"), ("tif", "tiff"), ("original", "same")]
)
def test_another_word_for_a_format_is_ours(theirs: str, ours: str) -> None:
    (made,) = parse([{"id": "it", "action": "invert", "format": theirs}]).steps

    assert made.encoding.format == ours
