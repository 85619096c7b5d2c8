"""FastAPI in front of taskiq: upload, long poll, download."""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import redis.asyncio
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse
from taskiq_worker import DATA, REDIS, broker, resize

waiters: dict[str, list[asyncio.Future[dict[str, Any]]]] = {}


async def listen() -> None:
    """Hand finished jobs to the requests that wait for them."""
    channel = redis.asyncio.from_url(REDIS).pubsub()
    await channel.psubscribe("done:*")
    async for message in channel.listen():
        if message["type"] == "pmessage":
            job = message["channel"].decode().removeprefix("done:")
            for waiter in waiters.pop(job, ()):
                if not waiter.done():
                    waiter.set_result(json.loads(message["data"]))


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    for folder in ("in", "out"):
        (DATA / folder).mkdir(parents=True, exist_ok=True)
    await broker.startup()
    task = asyncio.create_task(listen())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


async def state(job: str) -> dict[str, Any]:
    if not await broker.result_backend.is_result_ready(job):
        return {"status": "queued"}
    result = await broker.result_backend.get_result(job)
    if result.is_err:
        return {"status": "failed", "error": str(result.error)}
    return {"status": "done", "files": result.return_value}


@app.post("/jobs", status_code=202)
async def create(request: Request, ops: str) -> dict[str, str]:
    job = str(uuid.uuid4())
    with (DATA / "in" / job).open("wb") as file:
        async for chunk in request.stream():
            file.write(chunk)
    await resize.kicker().with_task_id(job).kiq(job, ops)
    return {"id": job}


@app.get("/jobs/{job}")
async def read(job: str, wait: float = 0) -> dict[str, Any]:
    waiter = asyncio.get_running_loop().create_future()
    waiters.setdefault(job, []).append(waiter)
    answer = await state(job)  # after subscribing: no lost wake-up
    if answer["status"] == "queued" and wait:
        with suppress(TimeoutError):
            answer = await asyncio.wait_for(waiter, wait)
    waiters.pop(job, None)
    return answer


@app.get("/results/{name}")
async def result(name: str) -> FileResponse:
    if not re.fullmatch(r"[\w-]+\.(jpg|webp)", name):
        raise HTTPException(404)
    return FileResponse(DATA / "out" / name)
