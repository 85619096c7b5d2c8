"""The configuration page is the settings', word for word."""

import runpy
from pathlib import Path

import pytest

from pixelflow.operations.described import field_docstrings
from pixelflow.settings import PARTS
from pixelflow.settings.part import Part

DOCS = Path(__file__).parents[2] / "docs"
SETTINGS = [(part, name) for part in PARTS.values() for name in part.model_fields]


def test_the_committed_page_is_current() -> None:
    made = runpy.run_path(str(DOCS / "build" / "configuration.py"))["page"]()
    assert (DOCS / "configuration.md").read_text() == made, "run: python docs/build/configuration.py"


@pytest.mark.parametrize(("part", "name"), SETTINGS, ids=[name for _, name in SETTINGS])
def test_every_setting_says_what_it_means(part: type[Part], name: str) -> None:
    meaning = field_docstrings(part).get(name, "")
    assert meaning.endswith("."), f"{name} needs a sentence as its docstring"
    assert f"`{name.upper()}`" in (DOCS / "configuration.md").read_text()
