"""The pages say what the code does."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from pixelflow.domain.errors import InvalidRequest
from pixelflow.domain.job import TRANSITIONS
from pixelflow.operations.encoding import Encoding
from pixelflow.operations.pipeline import parse
from pixelflow.operations.registry import FAMILIES, operations

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PIPELINES = (DOCS / "pipelines.md").read_text()
EXAMPLE = re.compile(
    r"^(?:<!-- refused: (?P<refused>.+?) -->\n)?```json\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
EXAMPLES = [(each["text"], each["refused"]) for each in EXAMPLE.finditer(PIPELINES)]
PAGES = [*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


@pytest.mark.parametrize(("text", "refused"), EXAMPLES)
def test_each_pipeline_is_taken_or_refused_with_the_words_shown(text: str, refused: str | None) -> None:
    if refused is None:
        assert parse(json.loads(text)).outputs
        return
    with pytest.raises(InvalidRequest) as told:
        parse(json.loads(text))
    assert told.value.detail == refused
    assert f"> {refused}\n" in PIPELINES


def test_there_are_examples_of_both() -> None:
    assert {refused is None for _, refused in EXAMPLES} == {True, False}


def test_every_operation_and_encoding_option_is_named() -> None:
    own = {
        name for name, operation in operations().items() if operation.__module__.split(".")[-1] in FAMILIES
    }
    for name in own | set(Encoding.model_fields):
        assert f"`{name}`" in PIPELINES, name


def test_the_chart_of_states_is_the_table_of_transitions() -> None:
    edges = set(re.findall(r"^    (\w+) --> (\w+)", (DOCS / "how-a-job-flows.md").read_text(), re.MULTILINE))
    assert edges == {(was.value, now.value) for was, next_ in TRANSITIONS.items() for now in next_}


def test_the_chart_of_rooms_is_the_import_rule() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    chart = "\n".join(layer.replace("pixelflow.", "") for layer in layers)
    assert f"```\n{chart}\n```" in (DOCS / "how-a-job-flows.md").read_text()


def test_the_readme_leads_to_every_page() -> None:
    linked = re.findall(r"\]\((docs/[^)]+)\)", (ROOT / "README.md").read_text())
    assert sorted(linked) == sorted(
        str(page.relative_to(ROOT)) for page in [*DOCS.glob("*.md"), *DOCS.glob("*/README.md")]
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target
