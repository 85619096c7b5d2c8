"""The operations' pages and the gallery are what the build makes of the operations, pictures included."""

import re
import runpy
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from harness.operating import psnr
from pixelflow.cli.steps import read_steps
from pixelflow.operations.pipeline import parse
from pixelflow.operations.registry import FAMILIES, operations

DOCS = Path(__file__).parents[2] / "docs"
REMEDY = "run: python docs/build/operations.py"
OWN = [name for name, model in operations().items() if model.__module__.split(".")[-1] in FAMILIES]
ALIKE = 34.0
"""Decibels from which two encoders' files of one picture are taken for the same."""
MOST_BYTES = 2_000_000
MOST_WIDTH = 420


@pytest.fixture(scope="module")
def build() -> Iterator[dict[str, Any]]:
    """The build's own names."""
    folder = str(DOCS / "build")
    sys.path.insert(0, folder)
    yield runpy.run_path(f"{folder}/operations.py")
    sys.path.remove(folder)


@pytest.fixture(scope="module")
def made(build: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of it, made anew."""
    folder = tmp_path_factory.mktemp("docs")
    build["build"](folder)
    return folder


def committed() -> set[Path]:
    """The files that only the build writes."""
    return {path.relative_to(DOCS) for path in (DOCS / "operations").rglob("*") if path.is_file()} | {
        Path("gallery.md")
    }


def pictures(file: bytes) -> list[np.ndarray[Any, Any]]:
    with Image.open(BytesIO(file)) as picture:
        return [np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(picture)]


@pytest.mark.parametrize("action", OWN)
def test_every_operation_has_an_example_of_its_own(build: dict[str, Any], action: str) -> None:
    assert action in build["EXAMPLES"], f"add an example of {action} to docs/build/examples.py"
    steps = parse(build["_steps"](build["EXAMPLES"][action])).steps
    assert action in {step.operation.action for step in steps}
    given = {
        name for step in steps for name in step.operation.model_fields_set if step.operation.action == action
    }
    assert given or not any(f.is_required() for f in operations()[action].model_fields.values())


def test_no_example_is_left_of_what_is_gone(build: dict[str, Any]) -> None:
    assert set(build["EXAMPLES"]) == set(OWN)


@pytest.mark.parametrize("action", OWN)
def test_the_command_line_shown_is_the_pipeline_shown(build: dict[str, Any], action: str) -> None:
    for step in build["_steps"](build["EXAMPLES"][action]):
        assert read_steps([build["_short"](step)]) == [step]


def test_the_files_are_those_that_the_build_makes(made: Path) -> None:
    assert committed() == {path.relative_to(made) for path in made.rglob("*") if path.is_file()}, REMEDY


def test_the_committed_pages_are_current(made: Path) -> None:
    for page in made.rglob("*.md"):
        assert (DOCS / page.relative_to(made)).read_text() == page.read_text(), f"{page.name}: {REMEDY}"


def test_the_committed_pictures_show_what_the_operations_make(made: Path) -> None:
    for path in (made / "operations" / "pictures").iterdir():
        shown, fresh = (pictures((folder / path.relative_to(made)).read_bytes()) for folder in (DOCS, made))
        assert len(shown) == len(fresh), f"{path.name}: {REMEDY}"
        for one, other in zip(shown, fresh, strict=True):
            assert one.shape == other.shape, f"{path.name}: {REMEDY}"
            assert psnr(one, other) > ALIKE, f"{path.name}: {REMEDY}"


def test_the_pictures_are_small() -> None:
    files = list((DOCS / "operations" / "pictures").iterdir())
    assert sum(file.stat().st_size for file in files) < MOST_BYTES
    for file in files:
        with Image.open(file) as picture:
            assert picture.width <= MOST_WIDTH, file.name


@pytest.mark.parametrize("action", OWN)
def test_a_page_names_every_parameter_and_shows_what_changes(build: dict[str, Any], action: str) -> None:
    text = (DOCS / "operations" / f"{action}.md").read_text()
    for name in operations()[action].model_fields:
        assert f"| `{name}` |" in text, name
    shown = re.findall(r"\(pictures/([^)]+)\)", text)
    images = [pictures((DOCS / "operations" / "pictures" / name).read_bytes()) for name in shown]
    unseen = build["EXAMPLES"][action].told
    if len(images) == 2 and not unseen:
        before, after = images
        same = len(before) == len(after) and before[0].shape == after[0].shape
        assert not same or psnr(before[0], after[0]) < ALIKE, "the example shows nothing"


def test_the_gallery_and_the_index_lead_to_every_page() -> None:
    gallery, index = (DOCS / "gallery.md").read_text(), (DOCS / "operations" / "README.md").read_text()
    for action in OWN:
        assert f"(operations/{action}.md)" in gallery
        assert f"({action}.md)" in index
