"""Every parameter of every operation, at its ends, past them, and of the wrong type."""

import pytest

from pixelflow.domain.errors import InvalidRequest
from pixelflow.operations.faces import installed
from pixelflow.operations.pipeline import parse
from pixelflow.operations.registry import operations

REGION = {"x": 0, "y": 0, "width": 9, "height": 9}
REQUIRED = {
    "resize": {"width": 10},
    "thumbnail": {"width": 10},
    "crop": {"width": 10},
    "rotate": {"angle": 10},
    "flip": {"axis": "horizontal"},
    "pad": {"top": 1},
    "extend": {"width": 9},
    "border": {"width": 1},
    "round_corners": {"radius": 5},
    "convolve": {"kernel": [[1]]},
    "redact": {"regions": [REGION]},
    "watermark": {"image": "ast_1"},
    "composite": {"layers": [{"image": "ast_1"}]},
    "contact_sheet": {"images": ["ast_1"]},
    "animate": {"images": ["ast_1"]},
    "text": {"text": "a"},
    "tint": {"color": "red"},
    "clahe": {"width": 3, "height": 3},
}
CLEARS = {
    "crop": {"x": (), "y": (), "aspect_ratio": ("width",)},
    "pad": {"width": ("top",), "height": ("top",), "aspect_ratio": ("top",)},
    "extend": {"aspect_ratio": ("width",)},
}
ALSO = {
    ("frames", "on_limit"): {"max_frames": 5},
    ("redact", "color"): {"mode": "color"},
    ("text", "width"): {"height": 5},
    ("text", "height"): {"width": 5},
    ("text", "stroke_color"): {"stroke": 1},
    ("text", "tile_spacing"): {"tile": "grid"},
    ("watermark", "spacing"): {"tile": "grid"},
    ("tiles", "base_url"): {"layout": "iiif3"},
}
PIXELS = (1, 65535, "50%", "0.5%")
NO_PIXELS = (0, -1, 65536, 1.5, "50", "50px", "-5%", "%", True, [], {})
ROOM = (0, 65535, "0%", "12.5%")
NO_ROOM = (-1, 65536, "x", True, 1.5, [])
SHIFTS = (0, -65535, 65535, "-10%", "10%")
NO_SHIFTS = (-65536, 65536, "ten", True, 0.5, [])
COLORS = ("#abc", "#abcd", "#AABBCC", "#aabbcc80", "red", "RebeccaPurple", "transparent")
NO_COLORS = ("", "#ab", "#ggg", "rgb(1,2,3)", "redd", "auto-ish", 5, True, [])
NO_OPAQUE = (*NO_COLORS, "transparent", "#ffffff80", "auto")
FACE = (*["face"] * installed(),)
PLACES = ("center", "north_west", "top-right", "noea", "ne", "Southwest", "left", "ce")
NO_PLACES = ("middle_earth", "face", "attention", {"x": 0.5, "y": 0.5}, 5, True, [])
FOCI = (*PLACES, *FACE, "attention", "entropy", "smart", {"x": 0, "y": 1}, {"x": 0.25, "y": 0.5})
NO_FOCI = (
    *["faces"] * (not installed()),
    "nowhere",
    {"x": 2, "y": 0},
    {"x": 0.5},
    {"x": 0, "y": 0, "z": 0},
    {"x": "0", "y": 0},
    5,
    True,
)
REFERENCES = ("ast_0123abcd", "job:0190b2a4-7c1e-7000-8000-2f5d3c4b5a69", "source")
REFERENCES += ("https://pictures.example/logo.png?size=2", "s3://bucket/logo.png")
NO_REFERENCES = (
    *("", "../secret", "a b", "x" * 201, 5, True, []),
    *(
        "step:",
        "step:a b",
        "job:",
        "job:../x",
        "ftp://a/b.png",
        "https://",
        "https://a b",
        "//a/b",
        "step:" + "x" * 65,
    ),
)
REGIONS = (
    [REGION],
    [{"x": -5, "y": "-10%", "width": "50%", "height": 65535}] * 200,
)
NO_REGIONS = (
    [REGION | {"x": "a"}],
    [REGION | {"x": 65536}],
    [REGION | {"width": 0}],
    [REGION | {"height": -1}],
    [REGION | {"depth": 1}],
    [{"x": 0, "y": 0, "width": 5}],
    [REGION] * 201,
    [[0, 0, 5, 5]],
    REGION,
    "all",
    5,
    True,
)
SEVERAL = ([], ["a"], [*REFERENCES], ["a"] * 60), ("a", [5], [""], ["a"] * 61, ["ftp://a/b"], None, {}, True)
FLAGS = (True, False)
NO_FLAGS = ("true", 1, 0, "yes", [])
INF, NAN = float("inf"), float("nan")
FACTORS = (0.001, 1, 2.5, 65535), (0, -1, 65536, INF, NAN, "1", True, [])


def between(least, most, *, whole=False):
    """Values at both ends, and values past them or no number at all."""
    past = 1 if whole else 0.01
    return (least, most), (
        least - past,
        most + past,
        INF,
        NAN,
        str(least),
        True,
        [],
        {},
        *((least + 0.5,) if whole else ()),
    )


def one_of(*names, aliases=()):
    return (*names, *aliases), ("nonsense", "", 1, True, [])


FITS = one_of("contain", "cover", "fill", aliases=("crop", "stretch", "Inside"))
CASES = {
    "resize": {
        "width": (PIXELS, NO_PIXELS),
        "height": (PIXELS, NO_PIXELS),
        "fit": one_of(
            "inside",
            "cover",
            "cover_down",
            "contain",
            "fill",
            "outside",
            "auto",
            aliases=("stretch", "force", "fill-down", "limit", "fit", "fit-in", "pad", "scale"),
        ),
        "gravity": (FOCI, NO_FOCI),
        "enlarge": (FLAGS, NO_FLAGS),
        "dpr": between(0.1, 8),
        "kernel": one_of(
            "lanczos3", "nearest", "linear", "cubic", "mitchell", "lanczos2", "mks2013", "mks2021"
        ),
        "background": ((*COLORS, "auto", "blur"), NO_COLORS),
        "linear": (FLAGS, NO_FLAGS),
    },
    "thumbnail": {"width": (PIXELS, NO_PIXELS), "height": (PIXELS, NO_PIXELS), "gravity": (FOCI, NO_FOCI)},
    "zoom": {"x": FACTORS, "y": FACTORS},
    "crop": {
        "x": (ROOM, NO_ROOM),
        "y": (ROOM, NO_ROOM),
        "width": (PIXELS, NO_PIXELS),
        "height": (PIXELS, NO_PIXELS),
        "aspect_ratio": (
            ("16:9", "1:1", "1.85:1", 1.5, 2, 0.001),
            ("16/9", "0:1", "1:0", ":", 0, -1, INF, NAN, True, []),
        ),
        "gravity": (FOCI, NO_FOCI),
        "focus": (
            ({"x": 0, "y": 0}, {"x": 1, "y": 1.0}),
            ("center", {"x": -0.1, "y": 0}, {"x": 0}, {}, 5, True),
        ),
    },
    "trim": {
        "threshold": between(0, 255),
        "color": ((*COLORS, "auto"), (*NO_COLORS, "blur")),
        "margin": (ROOM, NO_ROOM),
        "equal_h": (FLAGS, NO_FLAGS),
        "equal_v": (FLAGS, NO_FLAGS),
    },
    "rotate": {"angle": between(-360, 360), "background": (COLORS, (*NO_COLORS, "auto", "blur"))},
    "flip": {"axis": one_of("horizontal", "vertical", "both", aliases=("h", "v", "HORIZONTAL"))},
    "auto_orient": {"ignore": (FLAGS, NO_FLAGS)},
    "background": {"color": (("#abc", "white"), NO_OPAQUE)},
    "pad": {
        "top": (ROOM, NO_ROOM),
        "right": (ROOM, NO_ROOM),
        "bottom": (ROOM, NO_ROOM),
        "left": (ROOM, NO_ROOM),
        "width": (PIXELS, NO_PIXELS),
        "height": (PIXELS, NO_PIXELS),
        "aspect_ratio": (("16:9", 1.5), ("16x9", 0, True)),
        "gravity": (PLACES, NO_PLACES),
        "mode": one_of("background", "copy", "repeat", "mirror", "blur", aliases=("edge", "reflect")),
        "color": ((*COLORS, "auto"), (*NO_COLORS, "blur")),
    },
    "extend": {
        "width": (PIXELS, NO_PIXELS),
        "height": (PIXELS, NO_PIXELS),
        "aspect_ratio": (("16:9", 1.5), ("16x9", 0, True)),
        "gravity": (PLACES, NO_PLACES),
        "mode": one_of("background", "copy", "repeat", "mirror", "blur", aliases=("wrap", "replicate")),
        "color": ((*COLORS, "auto"), (*NO_COLORS, "blur")),
    },
    "border": {"width": (PIXELS, NO_PIXELS), "color": (COLORS, (*NO_COLORS, "auto", "blur"))},
    "round_corners": {
        "radius": ((*PIXELS, "max", "full"), (*NO_PIXELS, "min")),
        "color": (COLORS, (*NO_COLORS, "auto", "blur")),
    },
    "blur": {"sigma": between(0.3, 250)},
    "sharpen": {"sigma": between(0.1, 10), "flat": between(0, 100), "jagged": between(0, 100)},
    "unsharp": {"sigma": between(0.3, 250), "amount": between(0, 10)},
    "pixelate": {"size": between(2, 500, whole=True)},
    "median": {"size": ((3, 5, 51), (1, 2, 4, 50, 52, 3.5, "3", True, []))},
    "convolve": {
        "kernel": (
            ([[1]], [[0, 1, 0], [1, -4.5, 1], [0, 1, 0]], [[1] * 7] * 7, [0, -1000, 0, 1, 5, 1, 0, 1000, 0]),
            (
                [],
                [[]],
                [[1, 2], [3, 4]],
                [[1] * 9] * 9,
                [[1, 2, 3]],
                [[1], [2], [3]],
                [1, 2, 3],
                [1, 2, 3, 4],
                [[1001]],
                [[INF]],
                [["1"]],
                [[True]],
                "1,2,3",
                {},
                5,
            ),
        ),
        "scale": ((0.001, 9, 1e6), (0, -1, INF, NAN, "1", True)),
        "offset": between(-255, 255),
    },
    "redact": {
        "regions": (REGIONS, NO_REGIONS),
        "faces": ((False, *[True] * installed()), (*NO_FLAGS, *[True] * (not installed()))),
        "mode": one_of("blur", "pixelate", "color", aliases=("mosaic", "Fill")),
        "strength": between(0.05, 1),
        "color": (COLORS, (*NO_COLORS, "blur")),
        "shape": one_of("rectangle", "ellipse", aliases=("box", "oval")),
    },
    "grayscale": {},
    "sepia": {"amount": between(0, 1)},
    "invert": {},
    "adjust": {
        "brightness": between(0, 10),
        "contrast": between(0, 10),
        "saturation": between(0, 10),
        "hue": between(-360, 360),
        "lightness": between(-100, 100),
    },
    "tint": {"color": (("#abc", "white"), NO_OPAQUE), "amount": between(0, 1)},
    "duotone": {
        "shadow": (("#abc", "white"), NO_OPAQUE),
        "highlight": (("#abc", "white"), NO_OPAQUE),
        "amount": between(0, 1),
    },
    "gamma": {"value": between(0.1, 5)},
    "threshold": {"value": between(0, 255, whole=True)},
    "normalize": {"lower": ((0, 98), between(0, 99)[1]), "upper": ((1.1, 100), between(1, 100)[1])},
    "equalize": {},
    "noise": {"amount": between(0, 1), "seed": between(0, 2**31 - 1, whole=True)},
    "vignette": {"strength": between(0, 1)},
    "gradient": {
        "color": (COLORS, NO_COLORS),
        "opacity": between(0, 1),
        "direction": (
            ("down", "left", "up", "right", "to-bottom", "South", 0, -360, 360, 12.5),
            ("sideways", "", "90", -360.01, 361, INF, NAN, True, [], {}),
        ),
        "start": between(0, 1),
        "stop": between(0, 1),
    },
    "clahe": {
        "width": (PIXELS, NO_PIXELS),
        "height": (PIXELS, NO_PIXELS),
        "max_slope": between(0, 100, whole=True),
    },
    "watermark": {
        "image": (REFERENCES, NO_REFERENCES),
        "gravity": (PLACES, NO_PLACES),
        "x": (SHIFTS, NO_SHIFTS),
        "y": (SHIFTS, NO_SHIFTS),
        "scale": ((0.001, 1, 10), (0, -1, 10.1, INF, NAN, "1", True)),
        "width": (PIXELS, NO_PIXELS),
        "height": (PIXELS, NO_PIXELS),
        "opacity": between(0, 1),
        "tile": one_of("none", "grid", "chess"),
        "spacing": (ROOM, NO_ROOM),
        "rotate": between(-360, 360),
        "blend": one_of(
            "over",
            "atop",
            "xor",
            "add",
            "multiply",
            "screen",
            "overlay",
            "darken",
            "lighten",
            "color_dodge",
            "color_burn",
            "hard_light",
            "soft_light",
            "difference",
            "exclusion",
            aliases=("normal", "colour-dodge", "hard-light"),
        ),
        "margin": (ROOM, NO_ROOM),
        "min_size": between(0, 65535, whole=True),
    },
    "composite": {
        "layers": (
            ([{"image": "a"}], [{"image": "a", "blend": "xor", "opacity": 0.5, "gravity": "se"}] * 20),
            ([], [{}], [{"image": "a"}] * 21, [{"image": "a", "z": 1}], [5], {"image": "a"}, "a", None),
        ),
    },
    "text": {
        "text": (
            ("a", "x" * 2000, "line\nline", "© 世界 👍"),
            ("", " ", "\x00", "\ud800", "x" * 2001, 5, []),
        ),
        "font": one_of(
            *("Noto Sans", "Noto Sans Bold", "Noto Serif", "Noto Serif Bold", "Roboto Mono"),
            aliases=("serif", "mono", "noto sans", "Sans-Serif"),
        ),
        "size": between(1, 1000),
        "width": (PIXELS, NO_PIXELS),
        "height": (PIXELS, NO_PIXELS),
        "color": (COLORS, (*NO_COLORS, "auto")),
        "opacity": between(0, 1),
        "gravity": (PLACES, NO_PLACES),
        "x": (SHIFTS, NO_SHIFTS),
        "y": (SHIFTS, NO_SHIFTS),
        "align": one_of("left", "center", "right", "justify", aliases=("centre",)),
        "wrap_width": (PIXELS, NO_PIXELS),
        "spacing": between(0, 1000, whole=True),
        "stroke": between(0, 100, whole=True),
        "stroke_color": (COLORS, NO_COLORS),
        "background": (COLORS, (*NO_COLORS, "blur")),
        "padding": between(0, 1000, whole=True),
        "rotate": between(-360, 360),
        "tile": one_of("none", "grid", "chess"),
        "tile_spacing": (ROOM, NO_ROOM),
    },
    "metadata": {
        "keep": (
            ([], ["icc", "copyright"], ["exif", "gps", "xmp", "iptc", "gainmap"]),
            (["all"], "icc", 5, [5], {}, True),
        ),
        "drop": (([], ["gps"]), (["all"], "gps", None, {})),
        "set": (
            ({}, {"artist": "Ada"}),
            ({"foo": "x"}, {"artist": ""}, {"artist": 5}, {"artist": "a\nb"}, [], "x"),
        ),
    },
    "contact_sheet": {
        "images": SEVERAL,
        "own": (FLAGS, NO_FLAGS),
        "fit": FITS,
        "columns": between(1, 100, whole=True),
        "width": between(1, 4096, whole=True),
        "height": between(1, 4096, whole=True),
        "gap": between(0, 1000, whole=True),
        "background": (COLORS, (*NO_COLORS, "blur")),
        "captions": (
            ([], ["a", "", "© 世界"], ["x" * 200] * 200),
            ("a", [5], ["x" * 201], ["a"] * 201, ["a\x00"], None, {}, True),
        ),
        "font": one_of("Noto Sans", "Noto Serif Bold", aliases=("mono",)),
        "size": between(4, 200),
        "color": (COLORS, NO_COLORS),
    },
    "animate": {
        "images": SEVERAL,
        "own": (FLAGS, NO_FLAGS),
        "fit": FITS,
        "width": (PIXELS, NO_PIXELS),
        "height": (PIXELS, NO_PIXELS),
        "background": (COLORS, (*NO_COLORS, "blur")),
        "delay": ((0, 65535, [1], [0, 65535, 5]), (-1, 65536, 1.5, "1", True, [], [-1], [1.5], ["1"], {})),
        "loop": between(0, 65535, whole=True),
    },
    "frames": {
        "first": between(0, 65535, whole=True),
        "count": between(1, 65535, whole=True),
        "page": between(0, 65535, whole=True),
        "dpi": between(1, 2400),
        "max_frames": between(1, 65535, whole=True),
        "on_limit": one_of("error", "truncate", "first_frame"),
        "loop": between(0, 65535, whole=True),
        "delay": between(0, 65535, whole=True),
    },
    "icc": {
        "to": (("srgb", "p3", "cmyk", "sRGB", "display-p3", *REFERENCES), NO_REFERENCES),
        "embed": (FLAGS, NO_FLAGS),
        "keep": (FLAGS, NO_FLAGS),
    },
    "info": {},
    "blurhash": {
        "x_components": between(1, 9, whole=True),
        "y_components": between(1, 9, whole=True),
    },
    "thumbhash": {},
    "palette": {"colors": between(1, 64, whole=True)},
    "phash": {},
    "responsive_set": {
        "widths": (([1], [16384], [320, 640]), ([], [0], [16385], [1.5], ["50%"], 320, None, {}, [1] * 25)),
        "dprs": (([0.5], [8], [1, 1.5, 2]), ([], [0.4], [8.1], ["2x"], 2, None, {}, [1] * 7)),
        "formats": (
            (["webp"], ["avif", "webp", "jpg"], ["gif", "png", "tiff"]),
            ([], ["same"], ["auto"], ["bmp"], "webp", [5], {}, ["webp", "webp"]),
        ),
        "quality": between(1, 100, whole=True),
        "effort": between(0, 10, whole=True),
        "name": (("a", "My_image-2"), ("", "a b", "../a", "-a", "ä", "a" * 65, 5, True, [])),
        "base_url": (
            ("", "/a/b/", "https://example.org/p?x="),
            ('"', "a b", "<", "'", "ä", "a" * 501, 5, True),
        ),
        "alt": (("", "A cat, © Ada", "a" * 1000), ("a" * 1001, 5, True, None)),
        "sizes": (("100vw", "(max-width: 600px) 100vw, 50vw"), ("", "a" * 501, 5, True, None)),
        "loading": one_of("lazy", "eager"),
        "placeholder": one_of("data_uri", "none"),
    },
    "tiles": {
        "layout": one_of("dz", "zoomify", "google", "iiif", "iiif3", aliases=("DeepZoom", "iiif2")),
        "size": between(64, 4096, whole=True),
        "overlap": between(0, 32, whole=True),
        "format": one_of("jpeg", "png", "webp", aliases=("jpg",)),
        "quality": between(1, 100, whole=True),
        "base_url": (
            ("https://example.org", "http://example.org/a/b/"),
            ("example.org", "ftp://example.org", "https://a b", "", 5, True, [], f"https://{'a' * 500}"),
        ),
    },
}
GOOD = [(a, p, v) for a, fields in CASES.items() for p, (good, _) in fields.items() for v in good]
BAD = [(a, p, v) for a, fields in CASES.items() for p, (_, bad) in fields.items() for v in bad]


def step(action, name, value):
    dropped = CLEARS.get(action, {}).get(name, ())
    base = {key: kept for key, kept in REQUIRED.get(action, {}).items() if key not in dropped}
    if (action, name) == ("pad", "gravity"):
        base = {"width": 10}
    return {"id": "it", "action": action, **base, **ALSO.get((action, name), {}), name: value}


def test_every_parameter_has_its_cases():
    assert {action: set(model.model_fields) for action, model in operations().items()} == {
        action: set(fields) for action, fields in CASES.items()
    }


@pytest.mark.parametrize(("action", "name", "value"), GOOD)
def test_what_is_allowed_is_taken(action, name, value):
    sent = step(action, name, value)
    if (action, name) == ("resize", "gravity"):
        sent |= {"height": 10, "fit": "cover"}

    assert parse([sent]).steps[0].operation.action == action


@pytest.mark.parametrize(("action", "name", "value"), BAD)
def test_what_is_not_allowed_is_a_problem_that_says_what_is(action, name, value):
    with pytest.raises(InvalidRequest) as refused:
        parse([step(action, name, value)])

    places = [problem.field for problem in refused.value.problems]
    assert len(places) == len(set(places))
    assert {place.partition(".")[0].partition("[")[0] for place in places} == {name}
    assert len(places) == 1 or isinstance(value, list | dict)
    for problem in refused.value.problems:
        assert problem.step == "it"
        assert "'it'" in problem.message
        assert problem.allowed or "opaque" in problem.message
        assert len(problem.message) < 500


@pytest.mark.parametrize("action", CASES)
def test_an_unknown_parameter_is_refused_with_the_known_ones(action):
    with pytest.raises(InvalidRequest) as refused:
        parse([{"id": "it", "action": action, **REQUIRED.get(action, {}), "nonsense": 1}])

    (problem,) = refused.value.problems
    assert problem.field == "nonsense"
    assert "there is no parameter 'nonsense' here" in problem.message
    assert set(CASES[action]) <= set(problem.allowed.split(", "))


@pytest.mark.parametrize(
    ("sent", "field", "words"),
    [
        ({"action": "resize"}, "width", "a width, a height or both"),
        ({"action": "thumbnail", "gravity": "center"}, "width", "a width, a height or both"),
        (
            {"action": "resize", "width": 5, "fit": "contain", "gravity": "attention"},
            "gravity",
            "nine places",
        ),
        ({"action": "crop"}, "width", "give a width"),
        ({"action": "crop", "gravity": "north"}, "width", "give a width"),
        ({"action": "crop", "aspect_ratio": "1:1", "width": 5}, "aspect_ratio", "leave out"),
        ({"action": "crop", "aspect_ratio": "1:1", "x": 5}, "aspect_ratio", "leave out"),
        ({"action": "crop", "x": 5, "width": 5, "gravity": "north"}, "gravity", "give one of them"),
        (
            {"action": "crop", "width": 5, "gravity": "north", "focus": {"x": 0, "y": 0}},
            "gravity",
            "give one of them",
        ),
        ({"action": "pad"}, "top", "give sides"),
        ({"action": "pad", "top": 5, "width": 50}, "top", "or a width"),
        ({"action": "pad", "width": 5, "aspect_ratio": 1}, "top", "or an aspect_ratio"),
        ({"action": "pad", "top": 5, "gravity": "north"}, "gravity", "leave out gravity"),
        ({"action": "pad", "top": 5, "mode": "copy", "color": "red"}, "color", "no colour"),
        ({"action": "extend"}, "width", "give a width and a height"),
        ({"action": "extend", "height": 5, "aspect_ratio": 1}, "width", "or an aspect_ratio"),
        ({"action": "extend", "width": 5, "mode": "blur", "color": "red"}, "color", "no colour"),
        ({"action": "border"}, "width", "width is missing"),
        ({"action": "round_corners"}, "radius", "radius is missing; it is 1–65535 or a percentage"),
        ({"action": "median", "size": 4}, "size", "an even number has no middle"),
        ({"action": "convolve"}, "kernel", "kernel is missing"),
        ({"action": "convolve", "kernel": [[1, 2], [3, 4]]}, "kernel", "no square of 1, 3, 5 or 7 rows"),
        ({"action": "background", "color": "#ff000080"}, "color", "opaque"),
        ({"action": "watermark", "image": "a", "scale": 0.5, "width": 5}, "scale", "give one of them"),
        ({"action": "watermark", "image": "a", "spacing": 5}, "spacing", "set tile"),
        ({"action": "watermark"}, "image", "image is missing"),
        ({"action": "text"}, "text", "text is missing"),
        ({"action": "text", "text": "a", "width": 5}, "width", "a width and a height"),
        ({"action": "text", "text": "a", "width": 5, "height": 5, "size": 5}, "width", "leave out size"),
        ({"action": "text", "text": "a", "stroke_color": "red"}, "stroke_color", "stroke of at least 1"),
        ({"action": "text", "text": "a", "tile_spacing": 5}, "tile_spacing", "set tile"),
        ({"action": "normalize", "lower": 50, "upper": 50}, "lower", "below upper"),
        ({"action": "gradient", "start": 0.6, "stop": 0.5}, "start", "not after stop"),
        ({"action": "redact"}, "regions", "give regions, or set faces"),
        ({"action": "redact", "regions": [], "faces": False}, "regions", "give regions, or set faces"),
        (
            {"action": "redact", "regions": [REGION], "mode": "color", "strength": 1},
            "strength",
            "leave out strength",
        ),
        ({"action": "redact", "regions": [REGION], "color": "red"}, "color", "no colour"),
        ({"action": "tint", "color": "#f008"}, "color", "opaque"),
        ({"action": "flip"}, "axis", "axis is missing; it is one of horizontal, vertical, both"),
        ({"action": "rotate"}, "angle", "angle is missing; it is -360 to 360"),
        ({"action": "animate", "own": False}, "images", "there is no picture: give images"),
        ({"action": "contact_sheet", "own": False, "images": []}, "images", "there is no picture"),
        ({"action": "frames", "page": 1, "first": 2}, "page", "leave out first"),
        ({"action": "frames", "on_limit": "truncate"}, "on_limit", "without max_frames"),
        ({"action": "icc", "keep": True, "to": "p3"}, "keep", "leave out to"),
        ({"action": "metadata", "keep": ["gps"], "drop": ["gps"]}, "keep", "both kept and dropped"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused_in_a_sentence(sent, field, words):
    with pytest.raises(InvalidRequest) as refused:
        parse([{"id": "it", **sent}])

    (problem,) = refused.value.problems
    assert problem.field == field
    assert words in problem.message


def test_other_spellings_are_never_shown_again():
    (made,) = parse(
        [{"id": "a", "action": "resize", "width": 5, "height": 5, "fit": "stretch", "gravity": "NE"}]
    ).steps

    assert made.operation.model_dump(include={"fit", "gravity"}) == {"fit": "fill", "gravity": "north_east"}


LAYER = {"image": "ast_1"}


@pytest.mark.parametrize(
    ("layers", "field", "words"),
    [
        (
            [LAYER, LAYER | {"blend": "burn"}],
            "layers[1].blend",
            "layers[1].blend cannot be 'burn'; allowed is one of over, atop",
        ),
        ([LAYER | {"opacity": 2}], "layers[0].opacity", "layers[0].opacity cannot be 2; allowed is 0–1"),
        (
            [LAYER | {"opacty": 1}],
            "layers[0].opacty",
            "layers[0]: there is no parameter 'opacty' here; did you mean 'opacity'?",
        ),
        ([{"blend": "over"}], "layers[0].image", "layers[0].image is missing; it is text such as"),
        ([LAYER, "logo"], "layers[1]", "layers[1] cannot be 'logo'; allowed is {image, blend, "),
        (
            [{"image": "ftp://a/b.png"}],
            "layers[0].image",
            "layers[0].image cannot be 'ftp://a/b.png'",
        ),
        ([], "layers", "layers cannot be []; allowed is a list of 1–20; each entry is {image, blend, "),
    ],
)
def test_what_is_wrong_in_a_list_is_named_with_its_place(layers, field, words):
    with pytest.raises(InvalidRequest) as refused:
        parse([{"id": "it", "action": "composite", "layers": layers}])

    (problem,) = refused.value.problems
    assert (problem.step, problem.field) == ("it", field)
    assert words in problem.message


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        (
            {"action": "composite", "layers": [{"blend": "burn"}, LAYER, "logo", LAYER | {"x": []}]},
            ["layers[0].blend", "layers[0].image", "layers[2]", "layers[3].x"],
        ),
        (
            {"action": "redact", "regions": [REGION | {"x": "a", "y": True}, REGION, REGION | {"width": 0}]},
            ["regions[0].x", "regions[0].y", "regions[2].width"],
        ),
        (
            {"action": "convolve", "kernel": [[1, "a", 1], [1, 1, True], [1, 1, 1]]},
            ["kernel[0][1]", "kernel[1][2]"],
        ),
        (
            {"action": "resize", "width": 5, "gravity": {"x": 2, "y": "0", "z": 1}},
            ["gravity.x", "gravity.y", "gravity.z"],
        ),
        ({"action": "crop", "width": 5, "focus": {}}, ["focus.x", "focus.y"]),
        (
            {"action": "metadata", "set": {"artist": 5, "title": "a", "date": "2020"}},
            ["set.artist", "set.title"],
        ),
        ({"action": "animate", "images": ["a b", "ok", 5]}, ["images[0]", "images[2]"]),
        ({"action": "responsive_set", "widths": [0, 5, True]}, ["widths[0]", "widths[2]"]),
        (
            {"action": "invert", "auto_quality": {"min": 0, "max": 101}, "quality": 0},
            ["auto_quality.max", "auto_quality.min", "quality"],
        ),
    ],
)
def test_all_that_is_wrong_in_a_list_is_told_each_with_its_place(sent, fields):
    with pytest.raises(InvalidRequest) as refused:
        parse([{"id": "it", **sent}])

    assert sorted(problem.field for problem in refused.value.problems) == fields


def test_few_urls_are_fetched_for_one_pipeline():
    layers = [{"image": f"https://pictures.example/{number}.png"} for number in range(11)]
    assert len(parse([{"id": "it", "action": "composite", "layers": layers[:10]}]).needs) == 10
    with pytest.raises(InvalidRequest, match="11 URLs, at most 10"):
        parse([{"id": "it", "action": "composite", "layers": layers}])
