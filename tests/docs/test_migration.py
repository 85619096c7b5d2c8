"""Every step that the migration tables name is one that this version takes."""

import json
import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from pixelflow.cli.steps import read_steps
from pixelflow.domain.errors import InvalidRequest
from pixelflow.http.native import assets, capabilities, jobs
from pixelflow.operations.pipeline import parse
from pixelflow.operations.registry import operations

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted((DOCS / "migration").glob("*.md"))
ROW = re.compile(r"^\| (?P<theirs>.+?) \| (?P<ours>.+) \|$", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")
PAIRS = re.compile(r"[a-z_]+=[^,]+(,[a-z_]+=[^,]+)*")
ROWS = [
    (page.stem, each["theirs"], each["ours"])
    for page in PAGES
    for each in ROW.finditer(page.read_text())
    if each["ours"] not in {"here", "---|---"}
]
NAMED = [(f"{page}: {theirs}", code) for page, theirs, ours in ROWS for code in CODE.findall(ours)]
READ = (DOCS / "configuration.md").read_text() + (DOCS / "cli.md").read_text()
CALLS = {
    f"{method} {route.path}"
    for router in (jobs.router, assets.router, capabilities.router)
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in route.methods
}


def test_there_is_a_table_for_each_tool() -> None:
    assert {page.stem for page in PAGES} == {
        "README", "sharp", "imgproxy", "thumbor", "cloudinary", "transloadit",
    }  # fmt: skip
    for page in PAGES:
        if page.stem != "README":
            assert f"({page.name})" in (DOCS / "migration" / "README.md").read_text()
            assert len([row for row in ROWS if row[0] == page.stem]) > 30


@pytest.mark.parametrize(("page", "theirs", "ours"), ROWS)
def test_a_row_has_a_step_or_says_why_not(page: str, theirs: str, ours: str) -> None:
    assert CODE.search(ours) or ours.startswith(("not there: ", "nothing to do")), f"{page}: {theirs}"


def taken(steps: list[dict[str, object]]) -> bool:
    """Whether they are, but for what an extra brings that is not installed."""
    try:
        return bool(parse(steps).outputs)
    except InvalidRequest as error:
        return all("pip install" in problem.message for problem in error.problems)


@pytest.mark.parametrize(("row", "code"), NAMED)
def test_what_is_named_here_exists(row: str, code: str) -> None:
    if code.startswith(("[", "{")):
        steps = json.loads(code) if code.startswith("[") else [json.loads(code)]
        assert taken([{"id": "step", **step} for step in steps]), row
    elif code.partition(":")[0] in operations():
        assert taken(read_steps([code])), row
    elif PAIRS.fullmatch(code):
        assert taken(read_steps([f"thumbnail:width=9,{code}"])), row
    elif code.startswith(("GET ", "POST ")):
        assert code in CALLS, row
    elif code.isupper():
        assert f"`{code}`" in READ, row
    else:
        names = {name for model in operations().values() for name in model.model_fields}
        keys = {"from", "id", "output", "on_error", "effort", "format"}
        assert code in names | keys or f"`{code}" in READ, f"{row}: there is no {code}"
