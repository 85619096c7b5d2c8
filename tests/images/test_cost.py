"""What a plan says of CPU time, memory and bytes: in proportion, and enough."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.pictures import encoded, photo
from harness.pooling import outcome, running_pool
from harness.rendering import probed
from pixelflow.domain.limits import ImageLimits
from pixelflow.imaging import prices, wire
from pixelflow.imaging.prediction import Expected, Origin, predict, unknown
from pixelflow.operations.outline import exactly
from pixelflow.operations.pipeline import parse
from pixelflow.operations.registry import operations

PHOTO = Origin(exactly(4000, 3000), "jpeg", 2_400_000)
SMALL = {"action": "resize", "width": 400, "format": "jpeg"}


def told(origin: Origin, *steps: dict[str, Any]) -> list[Expected]:
    named = [{"id": f"s{number}", **step} for number, step in enumerate(steps, 1)]
    return list(predict(parse(named), origin, ImageLimits()).outputs)


def seconds(origin: Origin, *steps: dict[str, Any]) -> float:
    return sum(each.cpu_seconds or 0.0 for each in told(origin, *steps))


def test_every_operation_has_a_price() -> None:
    built_in = {name for name, each in operations().items() if each.__module__.startswith("pixelflow.")}

    assert built_in - prices.OPERATIONS.keys() == set(), "measure it and add it to imaging/prices.py"


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif", "gif", "tiff"])
def test_a_larger_picture_costs_more(name: str) -> None:
    step = {"action": "blur", "format": name}
    (small,), (large,) = (told(Origin(exactly(side, side), name), step) for side in (500, 2000))

    assert 4 < (large.cpu_seconds or 0) / (small.cpu_seconds or 1) < 20
    assert (large.memory_bytes or 0) > (small.memory_bytes or 0)
    assert 8 < (large.bytes or 0) / (small.bytes or 1) < 20


def test_formats_cost_what_they_are_known_to_cost() -> None:
    in_format = [seconds(PHOTO, {**SMALL, "format": name}) for name in ("jpeg", "webp", "avif")]
    by_effort = [seconds(PHOTO, {**SMALL, "format": "avif", "effort": effort}) for effort in (0, 4, 9)]

    assert in_format == sorted(in_format)
    assert by_effort[0] * 10 < by_effort[1] < by_effort[2] / 5


def test_what_steps_share_is_counted_once() -> None:
    blurred = {"action": "blur", "sigma": 20, "output": False}
    one = {"action": "flip", "axis": "both", "from": "s1", "format": "jpeg"}
    apart = seconds(PHOTO, blurred, one)

    both = seconds(PHOTO, blurred, one, {**one, "axis": "vertical"})

    assert apart < both < 1.5 * apart


def test_a_decoder_that_shrinks_saves_time() -> None:
    assert seconds(PHOTO, SMALL) < seconds(replace(PHOTO, format="png", bytes=20_000_000), SMALL) / 3


def test_a_job_that_would_be_stopped_is_told() -> None:
    steps = [{"id": "a", "action": "flip", "axis": "both", "format": "avif", "effort": 9}]

    found = predict(parse(steps), PHOTO, ImageLimits()).warnings

    assert [each.code for each in found] == ["over_cpu"]
    assert "effort" in found[0].fix


def test_a_picture_too_large_for_the_memory_is_told() -> None:
    steps = [{"id": "a", "action": "normalize", "format": "png"}]
    huge = Origin(replace(exactly(8000, 6000), alpha=True, depth=16), "png")

    assert "over_memory" in [each.code for each in predict(parse(steps), huge, ImageLimits()).warnings]


def test_what_a_picture_of_unknown_size_costs_is_not_told() -> None:
    (output,) = told(unknown(ImageLimits()), SMALL)

    assert (output.cpu_seconds, output.memory_bytes, output.bytes) == (None, None, None)


HEAVY = [
    [{"id": "a", "action": "rotate", "angle": 30, "format": "png"}],
    [{"id": "a", "action": "normalize", "format": "png"}],
    [{"id": "a", "action": "invert", "format": "avif", "effort": 0}],
    [{"id": "a", "action": "flip", "axis": "both", "format": "gif", "effort": 1}],
    [{"id": "a", "action": "round_corners", "radius": "max", "format": "webp", "effort": 0}],
    [{"id": "a", "action": "zoom", "x": 2, "y": 2, "format": "jpeg"}],
    [
        {"id": "a", "action": "blur", "format": "jpeg"},
        {"id": "b", "action": "median", "from": "a", "format": "jpeg"},
        {"id": "c", "action": "watermark", "image": "step:b", "from": "a", "format": "jpeg"},
    ],
]


@pytest.mark.parametrize("steps", HEAVY, ids=lambda steps: steps[-1]["action"])
async def test_the_memory_that_was_told_is_enough(steps: list[dict[str, Any]], tmp_path: Path) -> None:
    source = encoded(photo(2400, 1800))
    plan = predict(parse(steps), probed(source), ImageLimits())
    enough = max(256 << 20, *(each.memory_bytes or 0 for each in plan.outputs))

    async with running_pool(tmp_path, memory_bytes=enough, job_seconds=100) as bench:
        ended = await outcome(bench.submit(*steps, source=source))

    assert isinstance(ended, wire.Finished), ended
