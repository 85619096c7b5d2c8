"""``pixelflow webhooks`` and ``pixelflow listen``, with receivers that verify."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from harness.command import Command
from harness.pictures import encoded, photo
from harness.receiver import Receiver, receiving, wait_for
from harness.server import RunningServer, running_server
from pixelflow.client import Client

THUMB = [{"id": "thumb", "action": "thumbnail", "width": 40, "format": "webp"}]


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that may call this machine."""
    with running_server(tmp_path_factory.mktemp("near"), EGRESS_ALLOW="127.0.0.1/32") as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def test_an_endpoints_life(pixelflow: Command, near: RunningServer, receiver: Receiver) -> None:
    def run(*arguments: object) -> str:
        done = pixelflow("webhooks", *map(str, arguments), "--url", near.url)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def told(*arguments: object) -> Any:
        return json.loads(run(*arguments, "--json"))

    made = told("add", receiver.url, "-e", "job.completed", "--description", "shop")
    receiver.secret = made["secret"]
    assert told("list")[0]["url"] == receiver.url
    assert "secret" not in told("list")[0]
    assert "job.completed" in run("list")
    sent = told("test", made["id"])
    assert (sent["status"], sent["response_status"]) == ("delivered", 204)
    assert told("deliveries", "--webhook", made["id"], "--status", "delivered")[0]["id"] == sent["id"]
    assert "webhook.test" in run("deliveries")
    assert json.loads(run("delivery", sent["id"]))["tries"][0]["number"] == 1
    assert "is pending" in run("redeliver", sent["id"])
    receiver.wait(2)
    wait_for(lambda: told("deliveries", "--webhook", made["id"])[0]["attempts"] == 2)
    assert told("redeliver", made["id"], "--since", "2026-01-01") == {"count": 1}
    rotated = run("rotate", made["id"]).split()
    assert rotated[0] == made["id"]
    assert rotated[1] != made["secret"]
    assert told("rotate")["secret"] == told("secret")["secret"]
    assert "enabled" in run("enable", made["id"])
    assert told("remove", made["id"]) == {"removed": made["id"]}
    assert told("list") == []


def test_mistakes_are_told(pixelflow: Command, near: RunningServer) -> None:
    done = pixelflow("webhooks", "add", "https://10.0.0.1/", "--url", near.url)
    assert (done.returncode, "EGRESS_ALLOW" in done.stderr) == (1, True)
    done = pixelflow("webhooks", "add", "https://a.example/", "-e", "job.done", "--url", near.url)
    assert (done.returncode, "job.done" in done.stderr) == (2, True)
    done = pixelflow("webhooks", "rotate", "ep_none", "--url", near.url)
    assert (done.returncode, "no such webhook" in done.stderr) == (1, True)
    done = pixelflow("listen", "--forward-to", "localhost:3000", "--url", near.url)
    assert (done.returncode, "--forward-to" in done.stderr) == (2, True)


@contextmanager
def listening(near: RunningServer, receiver: Receiver, log: Path, *more: str) -> Iterator[Path]:
    """What it writes; it ends as by Ctrl-C."""
    command = [sys.executable, "-m", "pixelflow", "listen", "--forward-to", receiver.url, "--url", near.url]
    # A shell's background job ignores SIGINT, and so do the commands that it starts.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with log.open("wb") as out:
        process = subprocess.Popen([*command, *more], stdout=out, stderr=out, preexec_fn=heeding)
    try:
        wait_for(lambda: b"listening at" in log.read_bytes())
        yield log
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def test_events_reach_a_laptop_also_after_a_restart_of_the_server(
    near: RunningServer, receiver: Receiver, tmp_path: Path
) -> None:
    picture = encoded(photo(80, 60))
    with Client(near.url) as client:
        receiver.secret = client.webhooks.secret().secret
        client.submit(picture, THUMB).result()  # there must be an event to resume at
    with listening(near, receiver, tmp_path / "log") as log:
        with Client(near.url) as client:
            first = client.submit(picture, THUMB).result().job
            wait_for(lambda: first.id in [each["data"].get("id") for each in receiver.payloads])
        assert near.stop() == 0
        wait_for(lambda: b"trying again" in log.read_bytes())
        near.start()
        with Client(near.url) as client:
            second = client.submit(picture, THUMB).result().job
        wait_for(lambda: second.id in [each["data"].get("id") for each in receiver.payloads])
        text = log.read_text()
    assert receiver.forged == []
    assert f"{first.id} → 204 in" in text
    told = [each for each in receiver.payloads if each["data"].get("id") == first.id]
    assert [each["type"] for each in told] == ["job.completed"]
    assert told[0]["data"]["outputs"][0]["id"] == "thumb"


def test_it_ends_with_the_job_that_it_listens_to(
    pixelflow: Command, near: RunningServer, receiver: Receiver
) -> None:
    with Client(near.url) as client:
        receiver.secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        job = client.submit(encoded(photo(80, 60)), THUMB).result().job
    done = pixelflow(
        *("listen", "--forward-to", receiver.url, "--job", job.id, "--url", near.url, "--json"),
        PIXELFLOW_WEBHOOK_SECRET=receiver.secret,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[-1]["type"] == "job.completed"
    assert receiver.payloads[-1]["data"]["id"] == job.id
