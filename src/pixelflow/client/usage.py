"""What a tenant's jobs have taken, and what it may ask for, in both clients."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import quote

from pixelflow.client.exchange import Call, Endpoint
from pixelflow.client.reading import known


@dataclass(frozen=True, slots=True)
class OperationUsage:
    """CPU time of ``decode``, ``encode`` or an operation, in so many jobs."""

    operation: str
    jobs: int = 0
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class DayUsage:
    """Jobs that were created on a day of UTC, with the bytes and pixels of their sources."""

    day: date
    jobs: int = 0
    bytes: int = 0
    pixels: int = 0
    cpu_seconds: float = 0.0
    operations: tuple[OperationUsage, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Usage by day, oldest first, and what is stored and queued now."""

    days: tuple[DayUsage, ...] = ()
    stored_bytes: int = 0
    queued_jobs: int = 0
    queued_cpu_seconds: float = 0.0

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "Usage":
        """From the API's JSON."""
        return known(cls, {**document, "days": tuple(_day(each) for each in document["days"])})


@dataclass(frozen=True, slots=True)
class TenantSettings:
    """A tenant's weight, its own limits by name (``None`` is none), and what it has now."""

    tenant: str
    weight: float = 1.0
    limits: Mapping[str, float | None] = field(default_factory=dict)
    stored_bytes: int = 0
    queued_jobs: int = 0
    queued_cpu_seconds: float = 0.0


def usage(server: Endpoint, *, first: date | None = None, last: date | None = None) -> Call[Usage]:
    """What the caller's jobs have taken from ``first`` to ``last``, the last 30 days of UTC."""
    params = {name: str(day) for name, day in (("from", first), ("to", last)) if day is not None}
    return Usage.read((yield from server.ask("GET", "/v1/usage", params=params)).json())


def tenant(server: Endpoint, name: str) -> Call[TenantSettings]:
    """A tenant's weight and limits; on the server's own machine only."""
    return known(TenantSettings, (yield from server.ask("GET", _path(name))).json())


def set_tenant(
    server: Endpoint,
    name: str,
    *,
    weight: float = 1.0,
    limits: Mapping[str, float | None] | None = None,
) -> Call[TenantSettings]:
    """Set both; a limit that is not named is the server's, ``None`` is none. On the server's own machine
    only."""
    document = {"weight": weight, "limits": dict(limits or {})}
    return known(TenantSettings, (yield from server.ask("PUT", _path(name), document=document)).json())


def tenant_keep(server: Endpoint, name: str) -> Call[dict[str, float | None]]:
    """For how many seconds after their end ``source``, ``outputs`` and ``record`` of its jobs are kept,
    ``None`` where the server's setting counts; on the server's own machine only."""
    found: dict[str, float | None] = (yield from server.ask("GET", f"{_path(name)}/keep")).json()
    return found


def set_tenant_keep(server: Endpoint, name: str, keep: Mapping[str, float]) -> Call[dict[str, float | None]]:
    """Set them for jobs from now on; what is not named is the server's. On its own machine only."""
    answer = yield from server.ask("PUT", f"{_path(name)}/keep", document=dict(keep))
    found: dict[str, float | None] = answer.json()
    return found


def _path(name: str) -> str:
    return f"/v1/admin/tenants/{quote(name, safe='')}"


def _day(document: Mapping[str, Any]) -> DayUsage:
    operations = tuple(known(OperationUsage, each) for each in document["operations"])
    return known(DayUsage, {**document, "day": date.fromisoformat(document["day"]), "operations": operations})
