"""What ``/readyz`` tells."""

from collections.abc import Sequence

from pixelflow.bootstrap.shared import Shared
from pixelflow.control.hosts import Hosts
from pixelflow.control.keeper import Keeper, Record
from pixelflow.domain.breaker import Breaker, Circuit
from pixelflow.domain.errors import PixelFlowError
from pixelflow.http.services import Check
from pixelflow.http.view import moment


async def readiness(shared: Shared, keeper: Keeper, min_free_bytes: int) -> Sequence[Check]:
    """What work cannot be taken without, then what an operator should look at."""
    now = shared.circuits.clock()
    return (
        *await _vital(shared, min_free_bytes),
        *(_circuit(name, breaker, now) for name, breaker in shared.circuits.by_name.items()),
        _hosts(shared.hosts),
        *(_duty(record, keeper.clock()) for record in keeper.records.values()),
    )


async def _vital(shared: Shared, min_free_bytes: int) -> Sequence[Check]:
    pool, stopping = shared.pool, shared.stopping()
    try:
        await shared.store.check()
        book = Check("store", good=True)
    except (OSError, PixelFlowError) as error:
        book = Check("store", good=False, detail=str(error))
    free = await shared.storage.free_bytes()
    enough = free is None or free >= min_free_bytes
    return (
        Check("draining", good=not stopping, detail="the server is going down" if stopping else ""),
        book,
        Check("disk", enough, f"{free} bytes are free, MIN_FREE_BYTES keeps {min_free_bytes}"),
        Check("pool", pool.healthy, f"{pool.size} decoders wanted, {pool.busy} busy"),
        *(Check(f"cage.{part}", good=True, detail=state) for part, state in pool.cage.items()),
    )


def _circuit(name: str, breaker: Breaker, now: float) -> Check:
    state = breaker.state(now)
    return Check(
        f"circuit.{name}",
        state is Circuit.CLOSED,
        f"{state}: {breaker.error}" if breaker.error else state.value,
        vital=False,
        facts={
            "state": state.value,
            "failures": breaker.failures,
            "seconds": round(breaker.seconds(now), 3),
        },
    )


def _hosts(hosts: Hosts) -> Check:
    states = hosts.states()
    facts = {state.value: states.get(state, 0) for state in Circuit}
    away = facts[Circuit.OPEN] + facts[Circuit.HALF_OPEN]
    said = f"other machines that are left alone: {away}" if away else ""
    return Check("circuit.hosts", not away, said, vital=False, facts=facts)


def _duty(record: Record, now: float) -> Check:
    overdue, lag = record.overdue(now), round(record.lag_seconds(now), 3)
    said = [f"overdue for {lag} seconds"] if overdue else []
    said += [f"the last run failed: {record.error}"] if record.failing else []
    facts = {
        "period_seconds": record.duty.period_seconds,
        "last_run": moment(record.last_run),
        "seconds": round(record.seconds, 6),
        "count": record.count,
        "found": record.found,
        "failures": record.failures,
        "last_error": record.error,
        "lag_seconds": lag,
    }
    return Check(f"keeper.{record.duty.name}", not overdue, "; ".join(said), vital=False, facts=facts)
