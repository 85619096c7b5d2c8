"""SVG: off unless it is allowed, made harmless, and drawn by a decoder that does nothing else."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness.pooling import THUMBNAIL, outcome, running_pool
from harness.rendering import SHARED
from pixelflow.domain.errors import ImageError
from pixelflow.domain.limits import ImageLimits
from pixelflow.imaging import wire
from pixelflow.imaging.decoders.harmless import MAX_DEPTH, MAX_ELEMENTS, harmless

SPACES = "xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink'"
HEAD = f"<svg {SPACES} width='60' height='40'>"
RED = "<rect width='30' height='20' fill='red'/>"
PNG = {"id": "png", "action": "resize", "width": "100%", "format": "png"}


def svg(*inside: str) -> bytes:
    return f"{HEAD}{''.join(inside)}</svg>".encode()


async def drawn(tmp_path: Path, source: bytes, step: dict[str, Any] = PNG, **limits: Any) -> Any:
    """Its pixels, or how it failed."""
    async with running_pool(tmp_path, svg=True) as bench:
        output = bench.file()
        done = await outcome(
            bench.submit(step, source=source, outputs=[output], limits=ImageLimits(**limits))
        )
        if not isinstance(done, wire.Finished):
            return done
        return np.asarray(Image.open(BytesIO(bench.content(output))).convert("RGBA"))


async def test_it_is_drawn(tmp_path: Path) -> None:
    pixels = await drawn(tmp_path, svg(RED, "<text x='35' y='35' font-size='20'>A</text>"))
    assert pixels.shape == (40, 60, 4)
    assert pixels[10, 10].tolist() == [255, 0, 0, 255]
    assert pixels[30, 10].tolist() == [0, 0, 0, 0]
    assert pixels[20:, 32:, 3].max() > 200


async def test_at_more_dots_an_inch_it_is_larger_and_sharp(tmp_path: Path) -> None:
    pixels = await drawn(tmp_path, svg(RED), {"id": "f", "action": "frames", "dpi": 192, "format": "png"})
    assert pixels.shape == (80, 120, 4)
    assert pixels[39, 59].tolist() == [255, 0, 0, 255]
    assert pixels[40, 60].tolist() == [0, 0, 0, 0]


async def test_without_the_setting_it_is_refused_with_its_name(tmp_path: Path) -> None:
    async with running_pool(tmp_path) as bench:
        done = await outcome(bench.submit(PNG, source=svg(RED)))
    assert isinstance(done, wire.Failed)
    assert done.code == "unsupported"
    assert "set ALLOW_SVG=true" in done.message


async def test_its_decoder_is_no_other_pictures(tmp_path: Path) -> None:
    async with running_pool(tmp_path, svg=True) as bench:
        others = list(bench.pool.pids)
        running = [bench.submit(PNG, source=svg(RED)) for _ in range(3)]
        photos = [bench.submit() for _ in range(2)]
        ended = [await outcome(each) for each in (*running, *photos)]
        assert all(isinstance(each, wire.Finished) for each in ended)
        assert list(bench.pool.pids) == others
        assert bench.pool.room > 0
        asset = await outcome(
            bench.submit(
                {"id": "s", "action": "watermark", "image": "mark", "format": "png"},
                assets={"mark": svg(RED)},
            )
        )
        assert isinstance(asset, wire.Finished)


async def test_one_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    async with running_pool(tmp_path, svg=True) as bench:
        running = [bench.submit(PNG, source=svg(RED)) for _ in range(3)]
        for each in running:
            each.stop()
        done = await outcome(bench.submit(THUMBNAIL))
        assert isinstance(done, wire.Finished)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (svg(RED)[:-8], "corrupt"),
        (b"<?xml version='1.0'?><html/>", "unsupported"),
        (b"<!DOCTYPE svg [<!ENTITY a 'b'>]>" + svg("&a;"), "unsupported"),
        (
            b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>" + svg("&x;"),
            "unsupported",
        ),
        (svg("<g>" * 300 + "</g>" * 300), "limit"),
        (svg().replace(b"'60'", b"'60000'"), "limit"),
        (svg().replace(b"'60'", b"'1e30'"), "limit"),
        (svg().replace(b"'60'", b"'0'"), "corrupt"),
    ],
)
async def test_what_is_none_or_too_much_is_told(tmp_path: Path, source: bytes, code: str) -> None:
    source = source if source.startswith(b"<?xml") else b"<?xml version='1.0'?>" + source
    done = await drawn(tmp_path, source)
    assert isinstance(done, wire.Failed), done
    assert done.code == code or {done.code, code} == {"corrupt", "limit"}, done.message


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        "<foreignObject><iframe src='http://127.0.0.1/'/></foreignObject>",
        "<image href='file:///etc/passwd' width='9' height='9'/>",
        "<image xlink:href='http://127.0.0.1/x.png' width='9' height='9'/>",
        "<image href='data:image/png;base64,AAAA' width='9' height='9'/>",
        "<feImage href='http://127.0.0.1/x.png'/>",
        "<use href='http://127.0.0.1/x.svg#a'/>",
        "<use xlink:href='other.svg#a'/>",
        "<rect fill='url(http://127.0.0.1/x.svg#a)'/>",
        "<rect style='fill: URL( &quot;file:///x&quot; )'/>",
        "<rect style='fill: u\\72l(http://127.0.0.1/)'/>",
        "<style>@import 'http://127.0.0.1/x.css';</style>",
        "<style>rect { fill: url(http://127.0.0.1/) }</style>",
        "<style><![CDATA[@import url(http://127.0.0.1/x.css);]]></style>",
        "<rect onload='alert(1)' onclick='x()'/>",
        "<a xml:base='http://127.0.0.1/' href='javascript:alert(1)'/>",
        "<x:script xmlns:x='http://www.w3.org/2000/svg'>alert(1)</x:script>",
    ],
)
def test_what_runs_or_reaches_out_is_gone(inside: str) -> None:
    made = harmless(svg(inside, RED))
    for word in (b"127.0.0.1", b"file:", b"alert", b"data:", b"javascript", b"other.svg", b"import"):
        assert word not in made
    assert b'fill="red"' in made


def test_what_draws_stays() -> None:
    inside = (
        "<defs><linearGradient id='g'><stop offset='0' stop-color='red'/></linearGradient></defs>"
        "<style>.a { fill: url(#g); stroke: &lt;1 }</style>"
        "<use xlink:href='#g'/><rect class='a' style='fill:url( \"#g\" )'/><text>a &lt; b &amp; c</text>"
    )
    made = harmless(svg(inside)).decode()
    for part in ('xlink:href="#g"', ".a { fill: url(#g); stroke: &lt;1 }", 'url( "#g" )', "a &lt; b &amp; c"):
        assert part in made


def test_its_size_is_bounded() -> None:
    for many in ("<g/>" * (MAX_ELEMENTS + 1), "<g>" * MAX_DEPTH + "</g>" * MAX_DEPTH):
        with pytest.raises(ImageError) as found:
            harmless(svg(many))
        assert found.value.code == "limit"


@pytest.mark.skipif(not (SHARED / "formats").is_dir(), reason="the pictures of many kinds are not here")
async def test_a_real_one(tmp_path: Path) -> None:
    pixels = await drawn(tmp_path, (SHARED / "formats" / "check.svg").read_bytes())
    assert isinstance(pixels, np.ndarray), pixels
    assert pixels[..., 3].max() == 255
