"""A taskiq broker on Redis streams whose task is the raw libvips operation."""

import json
import os
from pathlib import Path
from typing import Any

import libvips
import redis.asyncio
from taskiq import TaskiqEvents, TaskiqMiddleware
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

DATA = Path(os.environ["DATA"])
REDIS = f"redis://127.0.0.1:{os.environ['REDIS_PORT']}/0"


class Notify(TaskiqMiddleware):
    """Tells the waiting API that a result is saved."""

    client: redis.asyncio.Redis | None = None

    async def post_save(self, message: Any, result: Any) -> None:
        self.client = self.client or redis.asyncio.from_url(REDIS)
        state = {"status": "done", "files": result.return_value}
        if result.is_err:
            state = {"status": "failed", "error": str(result.error)}
        await self.client.publish(f"done:{message.task_id}", json.dumps(state))


results: Any = RedisAsyncResultBackend(redis_url=REDIS, result_ex_time=3600)
broker = RedisStreamBroker(url=REDIS).with_result_backend(results).with_middlewares(Notify())


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def load(_: Any) -> None:
    """Import libvips before the first job."""
    libvips.load_pyvips()


@broker.task(task_name="resize")
def resize(job: str, ops: str) -> list[str]:
    """Make the outputs; their names."""
    outputs = [
        (int(width), form, int(quality)) for width, form, quality in (op.split(":") for op in ops.split(","))
    ]
    operation = libvips.thumbnail if len(outputs) == 1 else libvips.pyramid
    return [Path(file).name for file in operation(DATA / "in" / job, str(DATA / "out" / job), outputs)]
