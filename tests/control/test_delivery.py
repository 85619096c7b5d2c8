"""Sending outputs: whose failure it was."""

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from harness.book import job, output
from harness.elsewhere import Reply, elsewhere
from pixelflow.adapters.buckets import open_buckets
from pixelflow.adapters.egress.http import HttpEgress
from pixelflow.adapters.egress.rules import Rules
from pixelflow.adapters.storage.local import LocalStorage
from pixelflow.control.delivery import Deliverer
from pixelflow.control.hosts import Hosts
from pixelflow.control.transfers import Transfers
from pixelflow.domain.breaker import BreakerPolicy, Circuit
from pixelflow.domain.errors import RemoteLeftAlone, RemoteUnavailable
from pixelflow.domain.job import Target


async def test_a_storage_that_fails_is_not_the_receivers_fault(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "uploads", tmp_path / "outputs")
    egress = HttpEgress(Rules([ip_network("127.0.0.0/8")]))
    hosts = Hosts(BreakerPolicy(failures=3))
    deliverer = Deliverer(
        egress, open_buckets([], 1, 1), storage, Transfers(4, 2), 5, 5, pause_seconds=0, hosts=hosts
    )
    with elsewhere() as there:
        there.otherwise = Reply(500)
        one = replace(job(), target=Target(there.url + "/out"), started_at=0.0, queued_at=0.0)
        for _ in range(5):
            with pytest.raises(OSError, match="no longer in the storage"):
                await deliverer.deliver(one, [output(one)])
        assert hosts.states() == {}

        staged = storage.stage(output(one).key)
        (kept,) = await storage.commit([staged])
        with pytest.raises(RemoteUnavailable, match="answers 500"):
            await deliverer.deliver(one, [replace(output(one), key=kept.key, bytes=kept.bytes)])
        assert hosts.states() == {Circuit.OPEN: 1}
        with pytest.raises(RemoteLeftAlone):
            deliverer.enter(one)
    await egress.close()
    await storage.close()
