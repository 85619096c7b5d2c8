"""A receiver of webhooks: a real HTTP server that verifies what comes, and keeps it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook

from harness.elsewhere import Asked, Elsewhere, Reply, elsewhere

WAIT_SECONDS = 20.0
Answer = Callable[[str], Reply]
"""What to answer to a message, by its id."""


def taken(message_id: str) -> Reply:
    return Reply(204)


@dataclass
class Receiver:
    """What came with a valid signature, in order, and how often by id; answers as ``answer`` says."""

    there: Elsewhere
    secret: str = ""
    answer: Answer = taken
    payloads: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    forged: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.there.url}/hook"

    def take(self, asked: Asked) -> Reply:
        if len(asked.body) < int(asked.headers["content-length"]):
            raise ConnectionError("the sender died in the middle")
        try:
            Webhook(self.secret).verify(asked.body, dict(asked.headers))
        except Exception:
            self.forged.append(asked)
            raise
        reply = self.answer(asked.headers["webhook-id"])
        self.payloads.append(json.loads(asked.body))
        self.ids.append(asked.headers["webhook-id"])
        return reply

    def wait(self, count: int) -> list[dict[str, Any]]:
        """Until so many came."""
        return wait_for(lambda: self.payloads if len(self.payloads) >= count else None)


def wait_for(fact: Callable[[], Any]) -> Any:
    """What it says once it says anything."""
    end = time.monotonic() + WAIT_SECONDS
    while not (found := fact()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
    return found


@contextmanager
def receiving(answer: Answer = taken) -> Iterator[Receiver]:
    """A receiver on a free port; its ``secret`` is set once it is known."""
    with elsewhere() as there:
        receiver = Receiver(there, answer=answer)
        there.routes["/hook"] = receiver.take
        yield receiver
