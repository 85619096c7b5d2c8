"""Whatever is killed or stopped under load, every accepted job reaches exactly one end."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from harness.audit import recoveries
from harness.load import (
    JOBS,
    LATE_SECONDS,
    PACED,
    WORKED,
    Load,
    ended,
    lost_attempts,
    under_load,
    write_refused,
)
from harness.server import RunningServer, running_server

LEASE_SECONDS = float(PACED["LEASE_SECONDS"])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, **WORKED, **PACED) as running:
        yield running


def test_killed_decoders_cost_no_job(server: RunningServer) -> None:
    audited = under_load(server, lambda: one_decoder(server, signal.SIGKILL))
    assert audited.clean, audited


def test_a_killed_server_loses_nothing(server: RunningServer) -> None:
    def kill_and_restart() -> None:
        server.kill()
        server.start()

    audited = under_load(server, kill_and_restart)
    assert audited.clean, audited


def test_a_killed_process_group_loses_nothing(server: RunningServer) -> None:
    def kill_and_restart() -> None:
        server.kill_group()
        server.start()

    audited = under_load(server, kill_and_restart)
    assert audited.clean, audited


def test_sigterm_with_jobs_running_exits_clean_and_loses_nothing(server: RunningServer) -> None:
    codes: list[int] = []

    def stop_and_start() -> None:
        codes.append(server.stop())
        server.start()

    audited = under_load(server, stop_and_start)
    assert audited.clean, audited
    assert set(codes) == {0}


def test_a_server_that_sleeps_past_its_leases_doubles_nothing(server: RunningServer) -> None:
    def sleep() -> None:
        os.killpg(server.pid, signal.SIGSTOP)
        threading.Event().wait(LEASE_SECONDS + 1)
        os.killpg(server.pid, signal.SIGCONT)

    load = Load(server, JOBS)
    load.start()
    load.acknowledges(JOBS // 2)
    sleep()
    load.join(120)
    audited = ended(server, load, {"completed"})
    assert audited.clean, audited
    lost = lost_attempts(server)
    assert lost <= write_refused(server), "each refusal is in the log"


def test_a_decoder_that_hangs_costs_its_own_job_alone(tmp_path: Path) -> None:
    with running_server(tmp_path, **WORKED, **PACED, MAX_JOB_SECONDS="3") as server:
        load = Load(server, JOBS)
        load.start()
        load.acknowledges(JOBS // 2)
        one_decoder(server, signal.SIGSTOP)
        load.join(120)
        audited = ended(server, load, {"completed", "failed"})
    assert audited.clean, audited
    assert server.log.count('"error": "timeout"') <= 1


def one_decoder(server: RunningServer, number: signal.Signals) -> None:
    decoders = server.children()
    if decoders:
        with suppress(ProcessLookupError):
            os.kill(random.choice(decoders), number)


def test_a_job_that_was_lost_is_back_in_time(server: RunningServer) -> None:
    load = Load(server, 10 * JOBS)
    load.start()
    faults: list[float] = []
    while not recoveries(server.database, faults):
        load.acknowledges(10 * (len(faults) + 1))
        assert len(server.left_over()) > 2, "the audit counts what runs"
        faults.append(time.time())
        server.kill_group()
        server.start()
        threading.Event().wait(LEASE_SECONDS)
        assert len(faults) < JOBS // 2, "no kill met a job"
    assert max(recoveries(server.database, faults)) < LEASE_SECONDS + LATE_SECONDS
