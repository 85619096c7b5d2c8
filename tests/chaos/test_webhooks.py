"""Receivers fail, hang, reset and go away, and the dispatcher is killed in between: everyone is told all."""

import sqlite3
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from harness.audit import untold
from harness.elsewhere import Reply
from harness.load import FAULTS, JOBS, PACED, WORKED, Load, ended, wait_terminal
from harness.receiver import Receiver, receiving, wait_for
from harness.server import running_server
from pixelflow.client import Client

HURRIED = {
    "EGRESS_ALLOW": "127.0.0.1/32",
    "WEBHOOK_TIMEOUT_SECONDS": "1",
    "WEBHOOK_RETRY_SECONDS": ",".join(["0.2"] * 20),
}
GOOD = Reply(204)


@dataclass
class Moody:
    """Answers badly to the first ``bad`` tries of each message, then well."""

    reply: Reply
    bad: int = 1
    every: int = 1
    """Only to one in so many messages."""
    tries: Counter[str] = field(default_factory=Counter)

    def __call__(self, message_id: str) -> Reply:
        self.tries[message_id] += 1
        if sum(message_id.encode()) % self.every:
            return GOOD
        return self.reply if self.tries[message_id] <= self.bad else GOOD


MOODS = {
    "good": Moody(GOOD),
    "failing": Moody(Reply(500), bad=2),
    "resetting": Moody(Reply(200, b"x" * 100, reset=10)),
    "redirecting": Moody(Reply(307, headers={"location": "/elsewhere"})),
    "hanging": Moody(Reply(200, b"x" * 100, stall=10), every=8),
}


def test_every_live_endpoint_gets_every_id(tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(running_server(tmp_path, **WORKED, **PACED, **HURRIED))
        live: dict[str, Receiver] = {}
        gone = stack.enter_context(receiving(lambda _: Reply(410)))
        with Client(server.url) as client:
            for name, mood in MOODS.items():
                receiver = stack.enter_context(receiving(mood))
                made = client.webhooks.add(receiver.url, description=name)
                receiver.secret, live[made.id] = made.secret or "", receiver
            left = client.webhooks.add(gone.url)
            gone.secret = left.secret or ""
        load = Load(server, JOBS)
        load.start()
        for number in range(FAULTS):
            load.acknowledges((number + 1) * JOBS // (FAULTS + 1))
            server.kill_group()
            server.start()
        load.join(120)
        for job_id in load.acknowledged:
            wait_terminal(server, job_id)
        with Client(server.url) as client:
            wait_for(lambda: not list(client.webhooks.deliveries(status="pending")))
            assert client.webhooks.get(left.id).status == "disabled"
            dead = {each.endpoint for each in client.webhooks.deliveries(status="dead")}
        audited = ended(server, load, {"completed"})
        assert audited.clean, audited
        assert untold(server.database, {made: receiver.ids for made, receiver in live.items()}) == 0
        assert dead == {left.id}, "kept for who is gone, and for nobody else"
        for receiver in (*live.values(), gone):
            assert receiver.forged == []
        with closing(sqlite3.connect(server.database)) as book:
            [(tries, messages)] = book.execute(
                "SELECT (SELECT count(*) FROM delivery_attempt), (SELECT count(*) FROM message)"
            )
        assert tries > messages * len(live)


def test_the_audit_finds_what_was_not_told(tmp_path: Path) -> None:
    with running_server(tmp_path, **HURRIED) as server, receiving() as receiver:
        with Client(server.url) as client:
            made = client.webhooks.add(receiver.url)
            receiver.secret = made.secret or ""
            load = Load(server, 1)
            load.start()
            load.join(60)
            wait_for(lambda: len(receiver.ids) == 3)
        assert server.stop() == 0
        assert untold(server.database, {made.id: receiver.ids}) == 0
        assert untold(server.database, {made.id: []}) == 1
