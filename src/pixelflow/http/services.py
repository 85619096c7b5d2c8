"""What the HTTP layer is given; values, never the settings object."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pixelflow.control.assets import Assets
from pixelflow.control.batches import Batches
from pixelflow.control.bulks import Bulks
from pixelflow.control.inventory import Inventory
from pixelflow.control.jobs import Jobs
from pixelflow.control.planning import Planner
from pixelflow.control.provenance import Provenance
from pixelflow.control.signing import UrlSigner
from pixelflow.control.templates import Templates
from pixelflow.control.webhooks import Webhooks
from pixelflow.domain.errors import Busy
from pixelflow.domain.principal import LOCAL, Principal
from pixelflow.ports.audit import AuditLog
from pixelflow.ports.keeps import KeepStore
from pixelflow.ports.tenants import Tenants

Headers = Sequence[tuple[bytes, bytes]]
Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that should be well; ``detail`` says what there is, or is wrong, ``facts`` its figures."""

    name: str
    good: bool
    detail: str = ""
    vital: bool = True
    """Whether no work can be taken without it."""
    facts: Mapping[str, Any] = field(default_factory=dict)


class PoolAdmin(Protocol):
    """The pool of decoders, as an operator may change it."""

    @property
    def size(self) -> int:
        """Decoder processes wanted."""

    async def resize(self, size: int) -> None:
        """Change that number while jobs run."""


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """Values of settings; sizes in bytes, times in seconds."""

    upload_bytes: int
    zero_config_upload_bytes: int
    public_url: str | None = None
    upload_url_seconds: int = 3600
    slow_body_seconds: float = 30.0
    max_wait_seconds: float = 60.0
    sse_heartbeat_seconds: float = 15.0
    max_pool_size: int = 1024

    @property
    def link_base(self) -> str:
        """What stands before the paths of links: PUBLIC_URL, or nothing."""
        return self.public_url.rstrip("/") if self.public_url else ""


@dataclass(slots=True)
class BodyBudget:
    """Memory for bodies that are read as a whole, in bytes; a slow client holds no more than it has sent."""

    limit: int = 256 * 1024 * 1024
    used: int = 0

    def take(self, size: int) -> None:
        """Raises Busy."""
        if self.used + size > self.limit:
            raise Busy("too many large JSON bodies at once; send the picture as a form", retry_after=1)
        self.used += size


async def local_caller(headers: Headers) -> Principal:
    """The caller on a server without authentication."""
    return LOCAL


def not_observed(method: str, route: str, status: int, seconds: float) -> None:
    """No metrics."""


@dataclass(frozen=True)
class Services:
    """Everything that a request may need."""

    jobs: Jobs
    assets: Assets
    templates: Templates
    batches: Batches
    bulks: Bulks
    tenants: Tenants
    webhooks: Webhooks
    planner: Planner
    provenance: Provenance
    audit: AuditLog
    keeps: KeepStore
    inventory: Inventory
    signer: UrlSigner
    pool: PoolAdmin
    readiness: Callable[[], Awaitable[Sequence[Check]]]
    """Store, storage, disk, pool, each part of the cage, and ``draining`` when the server goes down."""
    version: Callable[[], Mapping[str, Any]]
    """What ``/version`` answers: at least ``version`` and the codec libraries' versions."""
    metrics: Callable[[], Awaitable[bytes]]
    """The Prometheus exposition text."""
    options: HttpOptions
    observe: Callable[[str, str, int, float], None] = not_observed
    """Told method, route template, status and seconds of each request."""
    caller: Callable[[Headers], Awaitable[Principal]] = local_caller
    """Who asks; raises Forbidden."""
    bodies: BodyBudget = field(default_factory=BodyBudget)
