"""Server-sent events."""

import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from harness.site import Site
from pixelflow.adapters.events.memory import MAX_INBOX
from pixelflow.control import follow
from pixelflow.domain.event import Event, EventKind
from pixelflow.domain.job import Completion, Failure, Job, Output


@dataclass
class Heard:
    """One event of a stream."""

    name: str
    id: int | None
    data: dict[str, Any]


@contextmanager
def listening(site: Site, path: str, **headers: str) -> Iterator[Iterator[Heard | str]]:
    """The events of a stream, and its comments as text; open once the first line came."""
    with site.client.stream(
        "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    ) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield heard(answer)


def heard(answer: httpx.Response) -> Iterator[Heard | str]:
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line.startswith(":"):
            yield line
        elif line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "event" in fields:
            number = fields.get("id")
            yield Heard(fields["event"], int(number) if number else None, json.loads(fields["data"]))
            fields = {}


def progress(site: Site, job: Job, percent: int) -> None:
    event = Event(job.tenant, job.id, EventKind.PROGRESS, time.time(), attempt=job.attempt, progress=percent)
    site.loop.call_soon_threadsafe(site.hub.publish, event, job)


def test_a_job_from_its_snapshot_to_its_end(site: Site, jpeg: bytes, webp: bytes) -> None:
    job_id = site.submit(jpeg)
    with listening(site, f"/v1/jobs/{job_id}/events") as events:
        first = next(events)
        assert isinstance(first, Heard)
        assert (first.name, first.data["status"], first.data["id"]) == ("job.updated", "queued", job_id)
        claimed = site.claim(job_id)
        progress(site, claimed, 40)
        site.finish(claimed.claim, {"thumb": webp})
        rest = [event for event in events if isinstance(event, Heard)]
    told = [(event.name, event.data["status"], event.data.get("progress")) for event in rest]
    assert told == [
        ("job.updated", "processing", 0),
        ("job.updated", "processing", 40),
        ("output.ready", "completed", None),
        ("job.completed", "completed", 100),
    ]
    assert [event.id is None for event in rest] == [False, True, True, False]
    assert rest[2].data == rest[3].data["outputs"][0]
    numbers = [event.id for event in [first, *rest] if event.id]
    assert numbers == sorted(set(numbers))
    assert rest[-1].data == site.client.get(f"/v1/jobs/{job_id}").json()


def test_a_job_that_has_ended_is_told_at_once(site: Site, jpeg: bytes) -> None:
    job_id = site.submit(jpeg)
    site.finish(site.claim(job_id).claim, {}, Failure("corrupt", "broken"))
    with listening(site, f"/v1/jobs/{job_id}/events") as events:
        assert [event.name for event in events if isinstance(event, Heard)] == ["job.updated", "job.failed"]


def test_a_listener_who_comes_back_is_told_what_it_missed(site: Site, jpeg: bytes, webp: bytes) -> None:
    job_id = site.submit(jpeg)
    with listening(site, f"/v1/jobs/{job_id}/events") as events:
        first = next(events)
        assert isinstance(first, Heard)
    site.finish(site.claim(job_id).claim, {}, Failure("timeout", "slow"))
    site.client.post(f"/v1/jobs/{job_id}/retry")
    site.finish(site.claim(job_id).claim, {"thumb": webp})
    with listening(site, f"/v1/jobs/{job_id}/events", last_event_id=str(first.id)) as events:
        missed = [event for event in events if isinstance(event, Heard)]
    assert [event.data["status"] for event in missed] == [
        *("processing", "failed", "queued", "processing", "completed", "completed", "completed")
    ]
    assert [event.name for event in missed] == ["job.updated"] * 5 + ["output.ready", "job.completed"]
    assert missed[0].data["outputs"] == []
    last = str(missed[-1].id)
    again = site.client.get(f"/v1/jobs/{job_id}/events", headers={"last-event-id": last})
    assert again.status_code == 204


def announce(site: Site, job: Job, *steps: str) -> list[Output]:
    """Note outputs in a worker's stead."""
    made = [
        Output(step, f"outputs/local/{job.id}/1/{step}.webp", "webp", "image/webp", 9, "e" * 64)
        for step in steps
    ]

    async def work() -> Job | None:
        noted = await site.store.announce(job.claim, made)
        assert noted is not None
        for event in Event.ready(noted, noted.outputs):
            site.hub.publish(event, noted)
        return noted

    noted = site.run(work())
    assert noted is not None
    return list(noted.outputs)


class TestOutputsBeforeTheEnd:
    def test_each_is_told_of_once(self, site: Site, jpeg: bytes, webp: bytes) -> None:
        job_id = site.submit(jpeg)
        with listening(site, f"/v1/jobs/{job_id}/events") as events:
            next(events)
            claimed = site.claim(job_id)
            announce(site, claimed, "one", "two")
            heard = [next(events) for _ in range(3)]
            shown = site.client.get(f"/v1/jobs/{job_id}").json()
            site.run(site.store.finish(claimed.claim, Completion(failure=Failure("corrupt", "late"))))
        assert shown["status"] == "processing"
        assert [event.name for event in heard if isinstance(event, Heard)] == [
            "job.updated",
            "output.ready",
            "output.ready",
        ]
        assert [event.data for event in heard[1:] if isinstance(event, Heard)] == shown["outputs"]
        assert [output["id"] for output in shown["outputs"]] == ["one", "two"]

    def test_a_returning_listener_is_told_of_what_it_missed_alone(self, site: Site, jpeg: bytes) -> None:
        job_id = site.submit(jpeg)
        claimed = site.claim(job_id)
        first, *_ = announce(site, claimed, "one")
        with listening(site, f"/v1/jobs/{job_id}/events") as events:
            snapshot = next(events)
            assert isinstance(snapshot, Heard)
        later = replace(first, id="two", key=first.key + "2", ready_at=None)

        async def on() -> None:
            await site.store.announce(claimed.claim, [first, later])
            noted = await site.store.get("local", job_id)
            assert noted is not None
            last = replace(later, id="three", key=later.key + "3")
            await site.store.finish(claimed.claim, Completion([*noted.outputs, last]))

        site.run(on())
        path = f"/v1/jobs/{job_id}/events"
        told = {}
        for after in (claimed.sequence, snapshot.id):
            with listening(site, path, last_event_id=str(after)) as events:
                told[after] = [
                    event.data["id"]
                    for event in events
                    if isinstance(event, Heard) and event.name == "output.ready"
                ]
        assert told == {claimed.sequence: ["one", "two", "three"], snapshot.id: ["two", "three"]}
        with listening(site, path) as events:
            names = [event.name for event in events if isinstance(event, Heard)]
        assert names == ["job.updated", *["output.ready"] * 3, "job.completed"]

    def test_nobody_is_told_of_an_output_that_is_gone(self, site: Site, jpeg: bytes) -> None:
        job_id = site.submit(jpeg)
        claimed = site.claim(job_id)
        announce(site, claimed, "one")
        site.run(site.store.crashed(claimed.claim, Failure("crash", "signal 11")))
        assert site.client.get(f"/v1/jobs/{job_id}").json()["outputs"] == []
        site.finish(site.claim(job_id).claim, {}, Failure("corrupt", "broken"))
        with listening(site, f"/v1/jobs/{job_id}/events", last_event_id=str(claimed.sequence)) as events:
            names = [event.name for event in events if isinstance(event, Heard)]
        assert names == ["job.updated"] * 3 + ["job.failed"]

    def test_the_tenants_stream_tells_of_them_too(self, site: Site, jpeg: bytes, webp: bytes) -> None:
        with listening(site, "/v1/events", x_tenant="outputs") as events:
            mine = {"x-tenant": "outputs"}
            form = {"pipeline": json.dumps([{"id": "thumb", "action": "grayscale"}])}
            made = site.client.post("/v1/jobs", files={"file": jpeg}, data=form, headers=mine).json()
            claimed = site.claim(made["id"])
            announce(site, claimed, "early")
            site.finish(claimed.claim, {"thumb": webp})
            names = []
            while "job.completed" not in names:
                event = next(events)
                names += [event.name] if isinstance(event, Heard) else []
        assert names == ["job.updated", "job.updated", "output.ready", "output.ready", "job.completed"]


def test_deletion_ends_the_stream(site: Site, jpeg: bytes) -> None:
    job_id = site.submit(jpeg)
    with listening(site, f"/v1/jobs/{job_id}/events") as events:
        next(events)
        site.client.delete(f"/v1/jobs/{job_id}")
        (last,) = [event for event in events if isinstance(event, Heard)]
    assert (last.name, last.data["status"]) == ("job.deleted", "deleted")


def test_the_end_is_told_even_when_the_news_of_it_got_lost(
    make_site: Callable[..., Site], jpeg: bytes, webp: bytes
) -> None:
    site = make_site(sse_heartbeat_seconds=0.05)
    job_id = site.submit(jpeg)
    with listening(site, f"/v1/jobs/{job_id}/events") as events:
        next(events)
        assert next(events) == ": heartbeat"
        site.hub.publish = lambda event, job: None
        site.finish(site.claim(job_id).claim, {"thumb": webp})
        last = [event for event in events if isinstance(event, Heard)][-1]
    assert last.name == "job.completed"


def test_unknown_jobs_and_broken_ids_are_problems(site: Site, jpeg: bytes) -> None:
    assert site.client.get("/v1/jobs/nobody/events").status_code == 404
    for broken in ("x", "-1", "9" * 30):
        answer = site.client.get(f"/v1/jobs/{site.submit(jpeg)}/events", headers={"last-event-id": broken})
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_event_id")


def test_a_listener_that_leaves_is_forgotten(site: Site, jpeg: bytes) -> None:
    job_id = site.submit(jpeg)
    with listening(site, f"/v1/jobs/{job_id}/events") as events:
        next(events)
        assert ("local", job_id) in site.hub._inboxes
    end = time.monotonic() + 10
    while ("local", job_id) in site.hub._inboxes:
        assert time.monotonic() < end


class TestTenantStream:
    def test_all_of_a_tenants_jobs_and_nobody_elses(self, site: Site, jpeg: bytes, webp: bytes) -> None:
        mine = {"x-tenant": "events"}
        body = {"pipeline": [{"id": "thumb", "action": "grayscale"}]}
        old = site.client.post("/v1/jobs", json=body, headers=mine).json()["id"]
        with listening(site, "/v1/events", x_tenant="events") as events:
            first = next(events)
            assert isinstance(first, Heard)
            assert (first.name, first.data["id"]) == ("job.updated", old)
            site.submit(jpeg)
            new = site.client.post("/v1/jobs", json=body, headers=mine).json()["id"]
            second = next(events)
            site.client.post(f"/v1/jobs/{old}/cancel", headers=mine)
            third = next(events)
            site.client.delete(f"/v1/jobs/{new}", headers=mine)
            fourth = next(events)
        assert isinstance(second, Heard)
        assert isinstance(third, Heard)
        assert isinstance(fourth, Heard)
        assert (second.name, second.data["id"]) == ("job.updated", new)
        assert (third.name, third.data["id"]) == ("job.cancelled", old)
        assert (fourth.name, fourth.data["id"]) == ("job.deleted", new)

        with listening(site, "/v1/events", x_tenant="events", last_event_id=str(first.id)) as events:
            told = [next(events), next(events)]
        assert [(event.name, event.data["id"]) for event in told if isinstance(event, Heard)] == [
            ("job.cancelled", old),
            ("job.deleted", new),
        ]

    def test_however_many_were_missed_all_are_told_once(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(follow, "MISSED_LIMIT", 4)
        jobs, given = site.services.jobs, {"pipeline": [{"id": "thumb", "action": "grayscale"}]}
        order = site.run(site.services.templates.order("away", given, ()))

        async def make(count: int) -> list[str]:
            made = [await jobs.create("away", order, "upload", None) for _ in range(count)]
            return [each.job.id for each in made]

        async def told(listener: AsyncIterator[follow.News | None], last: str) -> list[str]:
            heard = []
            async for news in listener:
                heard += [news.job_id] if news else []
                if news and news.job_id == last:
                    return heard
            raise AssertionError("the stream ended")

        async def listen() -> None:
            before = await make(10)
            listener = follow.follow_tenant(jobs, "away", 0, 1.0)
            assert await told(listener, before[0]) == before[:1]
            live = await make(1)
            assert await told(listener, live[0]) == [*before[1:], *live]
            slow = await make(MAX_INBOX + 10)  # more than is kept for one who does not listen
            assert await told(listener, slow[-1]) == slow
            last = await make(1)
            assert await told(listener, last[0]) == last

        site.run(listen())


@pytest.mark.parametrize("listeners", [50])
def test_many_listeners_each_hear_the_end(site: Site, jpeg: bytes, webp: bytes, listeners: int) -> None:
    job_id = site.submit(jpeg)
    ends: list[str] = []

    def listen() -> None:
        with (
            httpx.Client(base_url=site.url, timeout=20) as client,
            client.stream("GET", f"/v1/jobs/{job_id}/events") as answer,
        ):
            ends.append([event.name for event in heard(answer) if isinstance(event, Heard)][-1])

    threads = [threading.Thread(target=listen) for _ in range(listeners)]
    for thread in threads:
        thread.start()
    while len(site.hub._inboxes.get(("local", job_id), ())) < listeners:
        assert all(thread.is_alive() for thread in threads)
    site.finish(site.claim(job_id).claim, {"thumb": webp})
    for thread in threads:
        thread.join(20)
    assert ends == ["job.completed"] * listeners
