"""How jobs are worked on."""

import os
from typing import Annotated, Literal

from pydantic import Field

from pixelflow.settings.part import MEGABYTE, Part


class WorkerSettings(Part):
    """The pool of caged decoders."""

    worker_pool_size: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Decoder processes; by default the machine's cores."""
    sandbox: Literal["auto", "required", "off"] = "auto"
    """`required` refuses to start where a part of the cage is missing; `auto` says which and goes on."""
    fork_decoders: bool = True
    """Decoders are forked from a prepared process: each takes a third of the memory of one that is started by
    itself (`false`), which has an address layout of its own. On Linux; elsewhere all start by themselves."""
    child_max_jobs: Annotated[int, Field(ge=1)] = 2000
    """A decoder process is replaced after this many jobs."""
    child_max_rss_bytes: Annotated[int, Field(ge=64 * MEGABYTE)] = 512 * MEGABYTE
    """A decoder process that holds more than this after a job is replaced."""
    step_cache: bool = True
    """An output that an earlier job of the same tenant has, made of the same bytes by the same step, is given
    again without work, for as long as that job is kept."""
    announce_after_seconds: Annotated[float, Field(ge=0)] = 0.3
    """A job that runs longer than this tells of each output as it is ready, a shorter one at its end."""
    lease_seconds: Annotated[float, Field(gt=0)] = 30.0
    """How long a claim holds without a heartbeat."""
    heartbeat_seconds: Annotated[float, Field(gt=0)] = 3.0
    """How often leases are renewed, and a cancelled job is noticed at the latest."""
    drain_seconds: Annotated[float, Field(ge=0)] = 25.0
    """How long a stopping server waits for its running jobs."""

    @property
    def pool_size(self) -> int:
        """How many decoder processes to run."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return self.worker_pool_size or cores or 1
