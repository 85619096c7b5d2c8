"""Layers mix as the specification of each blend mode says, in place, in any depth, on every frame."""

import numpy as np
import pytest

from harness.operating import animation, applied, apply, frames, operation, still
from harness.pictures import photo
from pixelflow.domain.errors import ImageError

RANDOM = np.random.default_rng(12)
HEIGHT, WIDTH = 40, 60
BACKDROP = RANDOM.integers(0, 256, (HEIGHT, WIDTH, 4), dtype=np.uint8)
LAYER = RANDOM.integers(0, 256, (HEIGHT, WIDTH, 4), dtype=np.uint8)
# Every meeting of the extremes, where the formulas have their cases.
ENDS = np.array([0, 127, 128, 255], np.uint8)
BACKDROP[:4, :4] = ENDS[:, None, None]
LAYER[:4, :4] = ENDS[None, :, None]
BACKDROP[:8, :4, 3] = LAYER[:4, :8, 3] = 255
BACKDROP[10:12, :, 3] = LAYER[11:13, :, 3] = 0


def color_dodge(below, above):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below == 0, 0, np.where(above == 1, 1, np.minimum(1, below / (1 - above))))


def color_burn(below, above):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below == 1, 1, np.where(above == 0, 0, 1 - np.minimum(1, (1 - below) / above)))


def hard_light(below, above):
    return np.where(above <= 0.5, below * 2 * above, below + (2 * above - 1) - below * (2 * above - 1))


def soft_light(below, above):
    curve = np.where(below <= 0.25, ((16 * below - 12) * below + 4) * below, np.sqrt(below))
    return np.where(
        above <= 0.5,
        below - (1 - 2 * above) * below * (1 - below),
        below + (2 * above - 1) * (curve - below),
    )


# https://www.w3.org/TR/compositing-1/#blending: B(Cb, Cs) of the backdrop's and the source's colour.
BLENDED = {
    "multiply": lambda below, above: below * above,
    "screen": lambda below, above: below + above - below * above,
    "overlay": lambda below, above: hard_light(above, below),
    "darken": np.minimum,
    "lighten": np.maximum,
    "color_dodge": color_dodge,
    "color_burn": color_burn,
    "hard_light": hard_light,
    "soft_light": soft_light,
    "difference": lambda below, above: abs(below - above),
    "exclusion": lambda below, above: below + above - 2 * below * above,
}
# https://www.w3.org/TR/compositing-1/#porterduffcompositingoperators: the fractions Fa and Fb.
OPERATORS = {
    "over": lambda below, above: (1, 1 - above),
    "atop": lambda below, above: (below, 1 - above),
    "xor": lambda below, above: (1 - below, 1 - above),
    "add": lambda below, above: (1, 1),
}
MODES = [*OPERATORS, *BLENDED]


def mixed(below, above, mode):
    """Colours and alphas as 0–1; height × width × 4."""
    color_below, color_above = below[..., :3], above[..., :3]
    alpha_below, alpha_above = below[..., 3:], above[..., 3:]
    if mode in BLENDED:
        blended = BLENDED[mode](color_below, color_above)
        color_above = (1 - alpha_below) * color_above + alpha_below * blended
    of_above, of_below = OPERATORS.get(mode, OPERATORS["over"])(alpha_below, alpha_above)
    alpha = np.minimum(1, alpha_above * of_above + alpha_below * of_below)
    color = np.minimum(1, alpha_above * of_above * color_above + alpha_below * of_below * color_below)
    with np.errstate(divide="ignore", invalid="ignore"):
        color = np.where(alpha == 0, 0, color / alpha)
    return np.concatenate([np.minimum(color, 1), alpha], axis=2)


def close(found, wanted, peak):
    """Within one value; colours only as far as they can be seen."""
    alpha = wanted[..., 3:]
    np.testing.assert_allclose(found[..., 3:] / peak, alpha, atol=1.01 / peak)
    np.testing.assert_allclose(found[..., :3] / peak * alpha, wanted[..., :3] * alpha, atol=1.01 / peak)


def layered(picture, layer, **parameters):
    return applied(picture, "composite", {"a": still(layer)}, layers=[{"image": "a", **parameters}])


@pytest.mark.parametrize("mode", MODES)
def test_a_blend_mode_is_what_its_specification_says(mode):
    close(layered(BACKDROP, LAYER, blend=mode), mixed(BACKDROP / 255, LAYER / 255, mode), 255)


@pytest.mark.parametrize("mode", MODES)
def test_in_sixteen_bits_too(mode):
    deep = [RANDOM.integers(0, 65536, (HEIGHT, WIDTH, 4), dtype=np.uint16) for _ in range(2)]
    deep[0][0, :, 3] = deep[1][1, :, 3] = 65535

    made = layered(*deep, blend=mode)

    assert made.dtype == np.uint16
    close(made, mixed(deep[0] / 65535, deep[1] / 65535, mode), 65535)


@pytest.mark.parametrize("mode", MODES)
def test_a_picture_without_alpha_is_opaque(mode):
    opaque = BACKDROP.copy()
    opaque[..., 3] = 255
    wanted = mixed(opaque / 255, LAYER / 255, mode)

    made = layered(opaque[..., :3], LAYER, blend=mode)

    assert made.shape[2] == (4 if mode == "xor" else 3)
    if mode == "xor":
        close(made, wanted, 255)
    else:
        np.testing.assert_allclose(made, wanted[..., :3] * 255, atol=1.01)


@pytest.mark.parametrize("mode", MODES)
def test_every_frame_gets_its_layer(mode):
    shown = [BACKDROP, BACKDROP[::-1].copy(), LAYER]

    moving = apply(animation(shown), "composite", {"a": still(LAYER)}, layers=[{"image": "a", "blend": mode}])

    assert moving.get_page_height() == HEIGHT
    for found, alone in zip(frames(moving), shown, strict=True):
        close(found, mixed(alone / 255, LAYER / 255, mode), 255)


@pytest.mark.parametrize(("picture", "layer"), [("uint8", "uint16"), ("uint16", "uint8")])
@pytest.mark.parametrize("mode", ["over", "screen"])
def test_a_layer_of_another_depth_is_brought_to_the_picture_s(picture, layer, mode):
    def at(pixels, depth):
        return pixels if depth == "uint8" else pixels.astype(np.uint16) * 257

    made = layered(at(BACKDROP[..., :3], picture), at(LAYER, layer), blend=mode)

    opaque = np.dstack([BACKDROP[..., :3], np.full((HEIGHT, WIDTH), 255, np.uint8)])
    wanted = mixed(opaque / 255, LAYER / 255, mode)[..., :3]
    assert made.dtype == picture
    np.testing.assert_allclose(made / (255 if picture == "uint8" else 65535), wanted, atol=1.01 / 255)


def test_opacity_weakens_a_layer():
    weak = LAYER / 255
    weak[..., 3] *= 0.4

    close(
        layered(BACKDROP, LAYER, opacity=0.4, blend="multiply"),
        mixed(BACKDROP / 255, weak, "multiply"),
        255,
    )
    np.testing.assert_array_equal(layered(BACKDROP, LAYER, opacity=0), BACKDROP)


def test_layers_lie_on_each_other_in_their_order():
    red, blue = (np.full((20, 20, 3), color, np.uint8) for color in ((255, 0, 0), (0, 0, 255)))
    assets = {"red": still(red), "blue": still(blue)}
    layers = [{"image": "red", "gravity": "north_west"}, {"image": "blue", "gravity": "nw", "x": 10}]

    made = applied(BACKDROP[..., :3], "composite", assets, layers=layers)

    wanted = BACKDROP[..., :3].copy()
    wanted[:20, :20] = (255, 0, 0)
    wanted[:20, 10:30] = (0, 0, 255)
    np.testing.assert_array_equal(made, wanted)
    assert operation("composite", layers=layers).needs() == {"red", "blue"}


@pytest.mark.parametrize(
    ("parameters", "left", "top"),
    [
        ({}, 25, 17),
        ({"gravity": "south_east", "x": 3, "y": "10%"}, 47, 31),
        ({"gravity": "north", "x": "-10%", "y": 2}, 19, 2),
    ],
)
def test_a_layer_lies_at_its_own_size_where_it_is_told(parameters, left, top):
    small = np.full((5, 10, 3), 255, np.uint8)

    made = layered(BACKDROP[..., :3] // 2, small, **parameters)

    wanted = BACKDROP[..., :3] // 2
    wanted[top : top + 5, left : left + 10] = 255
    np.testing.assert_array_equal(made, wanted)


def test_a_layer_can_be_scaled_and_turned():
    tall = np.full((40, 10, 3), 255, np.uint8)

    for parameters, size in [
        ({"height": 20}, (5, 20)),
        ({"width": "50%"}, (30, 120)),
        ({"width": 8, "height": "50%"}, (5, 20)),
        ({"rotate": 90}, (40, 10)),
        ({"height": 20, "rotate": -90}, (20, 5)),
    ]:
        made = layered(np.zeros((40, 60, 3), np.uint8), tall, gravity="north_west", **parameters)
        rows, columns = np.nonzero(made[..., 0] > 127)
        assert (columns.max() + 1, rows.max() + 1) == (size[0], min(40, size[1]))


def test_a_layer_larger_than_the_picture_is_cut():
    large = RANDOM.integers(0, 256, (100, 100, 3), dtype=np.uint8)

    np.testing.assert_array_equal(layered(BACKDROP[..., :3], large), large[30:70, 20:80])


def test_a_coloured_layer_colours_a_grey_picture():
    grey = BACKDROP[..., :1]

    made = layered(grey, LAYER)

    below = np.concatenate([grey, grey, grey, np.full_like(grey, 255)], axis=2)
    np.testing.assert_allclose(made, mixed(below / 255, LAYER / 255, "over")[..., :3] * 255, atol=1.01)


def test_of_an_animation_the_first_frame_is_laid_over():
    moving = {"a": animation([LAYER, BACKDROP])}

    made = applied(BACKDROP, "composite", moving, layers=[{"image": "a"}])

    np.testing.assert_array_equal(made, layered(BACKDROP, LAYER))


def test_a_picture_that_is_missing_or_beyond_all_measure_ends_the_step():
    with pytest.raises(ImageError, match="no picture 'lost'"):
        apply(still(BACKDROP), "composite", layers=[{"image": "lost"}])
    with pytest.raises(ImageError, match="would have 59,999 × 39,999 pixels"):
        layered(BACKDROP, np.asarray(photo(60, 40)), width="99999%")
