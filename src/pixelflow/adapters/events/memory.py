"""News within one process."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pixelflow.domain.event import Event, EventKind
from pixelflow.domain.job import Job
from pixelflow.ports.events import EventHub, Subscription

MAX_INBOX = 64
News = tuple[Event, Job]
Topic = tuple[str, str | None]


class Inbox(Subscription):
    """One listener's news; belongs to the loop that reads it."""

    def __init__(self, max_news: int) -> None:
        self._news: deque[News] = deque()
        self._max_news = max_news
        self._lost = False
        self._waiter: asyncio.Future[None] | None = None

    def add(self, news: News) -> None:
        """Never waits: what is too much goes, the oldest progress first."""
        if len(self._news) >= self._max_news:
            oldest = next((old for old in self._news if old[0].kind is EventKind.PROGRESS), None)
            if oldest is not None:
                self._news.remove(oldest)
            else:
                self._news.popleft()
                self._lost = True
        self._news.append(news)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def get(self, timeout_seconds: float) -> News | None:
        if not self._news:
            loop = asyncio.get_running_loop()
            waiter = self._waiter = loop.create_future()
            alarm = loop.call_later(timeout_seconds, _end, waiter)
            try:
                await waiter
            finally:
                alarm.cancel()
                self._waiter = None
        if self._lost:
            self._lost = False
            return None
        return self._news.popleft() if self._news else None


class MemoryHub(EventHub):
    """Inboxes by topic: a tenant's job, or all of a tenant's."""

    def __init__(self, max_inbox: int = MAX_INBOX) -> None:
        self._max_inbox = max_inbox
        self._inboxes: dict[Topic, list[Inbox]] = {}
        self._watchers: list[Callable[[Event, Job], None]] = []

    def publish(self, event: Event, job: Job) -> None:
        for told in self._watchers:
            told(event, job)
        for topic in ((event.tenant, event.job_id), (event.tenant, None)):
            for inbox in self._inboxes.get(topic, ()):
                inbox.add((event, job))

    @contextmanager
    def watch(self, told: Callable[[Event, Job], None]) -> Iterator[None]:
        self._watchers.append(told)
        try:
            yield
        finally:
            self._watchers.remove(told)

    @contextmanager
    def subscribe(self, tenant: str, job_id: str | None = None) -> Iterator[Inbox]:
        topic = (tenant, job_id)
        inbox = Inbox(self._max_inbox)
        self._inboxes.setdefault(topic, []).append(inbox)
        try:
            yield inbox
        finally:
            listeners = self._inboxes[topic]
            listeners.remove(inbox)
            if not listeners:
                del self._inboxes[topic]


def _end(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
