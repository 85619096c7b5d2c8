"""A batch of pictures on another machine, from the request to the one message at its end."""

import csv
import io
from collections.abc import Iterator

import httpx
import pytest

from harness.elsewhere import Elsewhere, Reply
from harness.pictures import encoded, photo
from harness.receiver import Receiver, receiving, wait_for
from harness.server import RunningServer, running_server

PIPELINE = [{"id": "thumb", "action": "resize", "width": 60, "format": "webp"}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("near"), EGRESS_ALLOW="127.0.0.1/32") as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def test_pictures_by_url_and_one_message_at_the_end(
    server: RunningServer, there: Elsewhere, receiver: Receiver
) -> None:
    there.routes["/a.png"] = Reply(200, encoded(photo(90, 60), "png"))
    there.routes["/b.png"] = Reply(200, encoded(photo(60, 90), "png"))
    with httpx.Client(base_url=server.url, timeout=30) as client:
        endpoint = {"url": receiver.url, "events": ["batch.completed"]}
        receiver.secret = client.post("/v1/webhooks", json=endpoint).json()["secret"]
        sources = [f"{there.url}/{name}?key=hidden" for name in ("a.png", "gone.png", "b.png")]
        body = {"pipeline": PIPELINE, "sources": [*sources, "http://10.0.0.1/private.png"]}
        made = client.post("/v1/batches", json=body)
        assert made.status_code == 202, made.text
        assert [each["line"] for each in made.json()["refusals"]] == [4]
        path = f"/v1/batches/{made.json()['id']}"
        wait_for(lambda: client.get(path).json()["finished_at"] is not None)
        counts = client.get(path).json()["counts"]
        assert (counts["completed"], counts["failed"]) == (2, 1)
        wait_for(lambda: len(receiver.payloads) >= 1)
        rows = list(csv.DictReader(io.StringIO(client.get(f"{path}/failures.csv").text)))
        assert [(row["line"], row["status"], row["code"]) for row in rows] == [
            ("2", "failed", "source_not_found"),
            ("4", "refused", "refused"),
        ]
        assert rows[0]["source"] == f"{there.url}/gone.png"
        told = client.get(path).json()
    assert receiver.forged == []
    assert [(each["type"], each["data"]) for each in receiver.payloads] == [("batch.completed", told)]
