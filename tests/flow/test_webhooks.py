"""Webhooks of a server as it is run: sent, counted, and given back when it stops."""

import re
from pathlib import Path

import httpx

from harness.elsewhere import Reply
from harness.pictures import encoded, photo
from harness.receiver import receiving, wait_for
from harness.server import RunningServer, running_server
from pixelflow.client import Client

THUMB = [{"id": "thumb", "action": "thumbnail", "width": 40, "format": "webp"}]
NEAR = {"EGRESS_ALLOW": "127.0.0.1/32"}


def metric(server: RunningServer, name: str) -> float:
    """A sample of the exposition; 0 where there is none yet."""
    found = re.search(rf"^{re.escape(name)} (.+)$", httpx.get(f"{server.url}/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_a_job_tells_its_own_url_and_the_metrics_count_it(tmp_path: Path) -> None:
    with running_server(tmp_path, **NEAR) as server, receiving() as receiver, Client(server.url) as client:
        receiver.secret = client.webhooks.secret().secret
        job = client.submit(encoded(photo(80, 60)), THUMB, webhook_url=receiver.url).result().job
        [payload] = receiver.wait(1)
        assert (payload["type"], payload["data"]["id"]) == ("job.completed", job.id)
        wait_for(lambda: metric(server, 'pixelflow_webhook_seconds_count{result="delivered"}') == 1)
        wait_for(lambda: metric(server, "pixelflow_webhook_pending") == 0)
        assert metric(server, "pixelflow_webhook_lag_seconds") == 0
        assert receiver.secret not in server.log


def test_a_server_that_stops_gives_back_what_hangs_and_sends_it_after_its_start(tmp_path: Path) -> None:
    slow = {"DRAIN_SECONDS": "0.5", "WEBHOOK_TIMEOUT_SECONDS": "60"}
    with running_server(tmp_path, **NEAR, **slow) as server, receiving() as receiver:
        receiver.answer = lambda _: Reply(200, b"xx", stall=1)
        with Client(server.url) as client:
            receiver.secret = client.webhooks.secret().secret
            client.submit(encoded(photo(80, 60)), THUMB, webhook_url=receiver.url).result()
        receiver.wait(1)
        assert server.stop() == 0
        receiver.answer = lambda _: Reply(204)
        server.start()
        receiver.wait(2)
        assert receiver.ids[0] == receiver.ids[1]
        assert receiver.forged == []
