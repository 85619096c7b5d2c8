"""Many who wait and listen at once, and those who come back after a restart."""

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.load import wait_terminal
from harness.pictures import encoded, photo
from harness.server import RunningServer, running_server

COUNT = 200
PROMPT_SECONDS = 0.05
ALL_SECONDS = 0.5
TRIES = 5
PIPELINE = [{"id": "small", "action": "thumbnail", "width": 64, "format": "jpeg"}]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, STEP_CACHE="false") as running:
        yield running


def waiting_job(server: RunningServer) -> dict[str, Any]:
    """One that waits for its picture."""
    made = httpx.post(f"{server.url}/v1/jobs", json={"source_type": "upload", "pipeline": PIPELINE})
    assert made.status_code == 201, made.text
    job: dict[str, Any] = made.json()
    return job


def begin(server: RunningServer, job: dict[str, Any]) -> None:
    assert httpx.put(job["upload"]["url"], content=encoded(photo(200, 150))).status_code < 300
    assert httpx.post(f"{server.url}/v1/jobs/{job['id']}/start").status_code == 202


def ended_at(job: dict[str, Any]) -> float:
    return datetime.fromisoformat(job["finished_at"]).timestamp()


async def hears(server: RunningServer, path: str, job_id: str, opened: asyncio.Semaphore) -> float:
    """When a bare connection was told that the job has ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    ending = False
    while line := await reader.readline():
        if line.startswith(b"retry:"):
            opened.release()
        ending = ending or line == b"event: job.completed\n" or line.startswith(b"HTTP/1.1 200")
        if ending and job_id.encode() in line and b'"progress":100' in line:
            break
    heard = time.time()
    writer.close()
    assert line, "the connection ended without the job's end"
    return heard


async def test_all_who_wait_and_listen_hear_of_the_end_at_once(server: RunningServer) -> None:
    job = waiting_job(server)
    streams = [f"/v1/jobs/{job['id']}/events", "/v1/events"] * (COUNT // 2)
    polls = [f"/v1/jobs/{job['id']}?wait=30"] * COUNT
    opened = asyncio.Semaphore(0)
    async with asyncio.TaskGroup() as group:
        told = [group.create_task(hears(server, path, job["id"], opened)) for path in streams + polls]
        for _ in streams:
            await opened.acquire()
        await asyncio.to_thread(begin, server, job)
    end = ended_at(wait_terminal(server, job["id"]))
    assert max(task.result() for task in told) - end < ALL_SECONDS


async def polled(client: httpx.AsyncClient, job_id: str) -> float:
    """When a long poll answered with the job's end."""
    job = (await client.get(f"/v1/jobs/{job_id}?wait=30")).json()
    assert job["status"] == "completed", job
    return time.time()


async def test_a_long_poll_answers_as_soon_as_the_job_has_ended(server: RunningServer) -> None:
    late = []
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
        for _ in range(TRIES):
            job = waiting_job(server)
            poll = asyncio.create_task(polled(client, job["id"]))
            await asyncio.to_thread(begin, server, job)
            answered = await poll
            late.append(answered - ended_at((await client.get(f"/v1/jobs/{job['id']}")).json()))
    assert min(late) < PROMPT_SECONDS


def test_a_stream_goes_on_after_a_restart_where_it_was(server: RunningServer) -> None:
    job = waiting_job(server)
    with httpx.stream("GET", f"{server.url}/v1/jobs/{job['id']}/events", timeout=60) as answer:
        last = next(line.removeprefix("id: ") for line in answer.iter_lines() if line.startswith("id: "))
    server.kill_group()
    server.start()
    begin(server, job)
    wait_terminal(server, job["id"])
    server.kill_group()
    server.start()
    assert since(server, f"/v1/jobs/{job['id']}/events", last) == [
        *(("job.updated", status) for status in ("queued", "processing", "completed")),
        ("output.ready", "completed"),
        ("job.completed", "completed"),
    ]
    assert since(server, "/v1/events", last) == [
        *(("job.updated", status) for status in ("queued", "processing")),
        ("output.ready", "completed"),
        ("job.completed", "completed"),
    ]


def since(server: RunningServer, path: str, last: str) -> list[tuple[str, str]]:
    """Name and status of each event after that one, to the job's end."""
    heard: list[tuple[str, str]] = []
    name = ""
    with httpx.stream("GET", server.url + path, headers={"Last-Event-ID": last}, timeout=60) as answer:
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                heard.append((name, json.loads(line.removeprefix("data: "))["status"]))
                if name == "job.completed":
                    break
    return heard
