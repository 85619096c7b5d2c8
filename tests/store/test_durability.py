"""What was acknowledged is there, whatever happens to the process or the disk."""

import os
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from pixelflow.adapters.store.sqlite import open_sqlite
from pixelflow.domain.job import JobState

Start = Callable[[str], subprocess.Popen[str]]
ACKNOWLEDGED = int(os.environ.get("STORE_ACKNOWLEDGED", "300"))
"""After so many acknowledgements the process is killed."""


async def test_a_killed_process_has_lost_nothing_that_it_acknowledged(
    other_process: Start, database: Path
) -> None:
    process = other_process("create")
    assert process.stdout is not None
    acknowledged = [process.stdout.readline().strip() for _ in range(ACKNOWLEDGED)]
    process.kill()
    rest, _ = process.communicate(timeout=60)
    acknowledged += [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    ids = {line.strip() for line in acknowledged}
    assert len(ids) == len(acknowledged) >= ACKNOWLEDGED

    store = await open_sqlite(database)
    try:
        missing = [job_id for job_id in ids if await store.get("local", job_id) is None]
        assert missing == []
        queued = (await store.depth()).by_state[JobState.QUEUED]
        events = await store.events("local", None, 0, queued + 1)
        assert Counter(event.job_id for event in events).most_common(1)[0][1] == 1
        assert len(events) == queued
        assert len(await store.claim("worker", 30, 5)) == 5
    finally:
        await store.close()


async def test_a_full_disk_is_said_and_loses_nothing_and_passes(other_process: Start, database: Path) -> None:
    said = [line.split() for line in other_process("fill").communicate(timeout=120)[0].splitlines()]
    words = [line[0] for line in said]
    refused = [line for line in said if line[0] == "refused"]
    accepted = {line[1] for line in said if line[0] == "accepted"}

    freed = words.index("freed")
    assert {line[2] for line in refused} == {"store_unavailable"}
    assert len(refused) > 1, "the disk never was full"
    assert words[freed - 1] == "readable"
    assert words[freed + 1 :] == ["accepted"] * 8, "the store did not recover"

    store = await open_sqlite(database)
    try:
        assert all([await store.get("local", job_id) for job_id in accepted])
        assert not any([await store.get("local", line[1]) for line in refused])
        assert (await store.depth()).by_state[JobState.QUEUED] == len(accepted)
        assert len(await store.events("local", None, 0, len(accepted) + 1)) == len(accepted)
    finally:
        await store.close()
