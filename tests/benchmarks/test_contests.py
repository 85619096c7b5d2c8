"""The table of operations beside their peers leaves none out."""

import sys
from pathlib import Path

import pytest

from pixelflow.operations.pipeline import parse
from pixelflow.operations.registry import operations

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def contests(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield __import__("contests")
    sys.modules.pop("contests")


def test_every_operation_has_a_row_or_a_reason(contests):
    measured = {step["action"] for contest in contests.CONTESTS for step in contest.steps}

    assert operations().keys() <= measured | contests.WITHOUT_PEER.keys()
    assert not measured & contests.WITHOUT_PEER.keys()


def test_every_row_is_a_pipeline(contests):
    for contest in contests.CONTESTS:
        assert parse(contest.steps).outputs


def test_a_lower_quality_of_a_peer_is_told(contests):
    for contest in contests.CONTESTS:
        if "default" in contest.title:
            assert contest.note
