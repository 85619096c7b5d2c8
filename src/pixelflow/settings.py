"""Every setting, from the environment; the one place that reads it.

A setting's name is the environment variable's, in capitals and without a prefix.
"""

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlencode

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from pixelflow.control.admission import ServerLimits
from pixelflow.domain.backoff import Backoff
from pixelflow.domain.breaker import BreakerPolicy
from pixelflow.domain.installed import readable
from pixelflow.domain.limits import ImageLimits
from pixelflow.domain.tenant import TenantLimits
from pixelflow.domain.webhook import SCHEDULE_SECONDS
from pixelflow.operations.described import Described
from pixelflow.worker.pool import PoolOptions

MEGABYTE = 1024 * 1024


class Part(Described, BaseSettings):
    """A group of settings; a value out of range stops the start and names variable, value and range."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)


class HttpSettings(Part):
    """Where the server listens, and what it accepts."""

    host: str = "127.0.0.1"
    """The address to listen on; without authentication only loopback is allowed."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """The port to listen on; 0 takes a free one."""
    public_url: str | None = None
    """The base of the URLs that answers contain; by default the Host that the request named."""
    max_upload_size: Annotated[int, Field(ge=1)] | None = None
    """Largest upload in bytes; unset it is 10 MiB for `POST /jobs` and 50 MiB elsewhere."""
    signing_keys: Annotated[str, Field(pattern=r"^(\w+:\w{32,})(,\w+:\w{32,})?$")] | None = None
    """Keys of signed URLs, `id:secret`, the newest first and one older; by default one is kept in a file."""
    templates_only: bool = False
    """Only templates are run: a request that brings a pipeline of its own is answered with 403."""
    upload_url_seconds: Annotated[int, Field(ge=1, le=7 * 86400)] = 3600
    """How long a signed upload URL holds."""
    slow_body_seconds: Annotated[float, Field(gt=0)] = 30.0
    """A body that brings less than 1 KB/s for this long is answered with 408."""
    max_wait_seconds: Annotated[float, Field(gt=0, le=300)] = 60.0
    """Longest long poll that `?wait=` may ask for."""
    sse_heartbeat_seconds: Annotated[float, Field(gt=0)] = 15.0
    """A comment goes out on an idle event stream this often."""


class StoreSettings(Part):
    """The book."""

    db_path: Path = Path("./data/jobs.db")
    """The SQLite database's file, on a local disk."""
    store: str | None = None
    """The job store's address; by default `sqlite:///` and DB_PATH."""


class StorageSettings(Part):
    """Where bytes live."""

    upload_dir: Path = Path("./uploads")
    """Uploaded pictures."""
    output_dir: Path = Path("./outputs")
    """Results."""
    storage: str | None = None
    """The storage's address; by default local files in UPLOAD_DIR and OUTPUT_DIR."""
    min_free_bytes: Annotated[int, Field(ge=0)] = 256 * MEGABYTE
    """Below this much free disk, submissions are answered with 507."""


class QueueSettings(Part):
    """The bell."""

    queue: str = "memory://"
    """The queue's address."""
    max_queue_depth: Annotated[int, Field(ge=1)] = 1_000_000
    """With this many jobs queued, submissions are answered with 503."""
    max_queue_cpu_seconds: Annotated[float, Field(gt=0)] | None = None
    """The same with jobs queued that are predicted to take this much CPU time in all."""
    max_queue_age_seconds: Annotated[float, Field(gt=0)] | None = None
    """The same while the oldest queued job has waited longer than this."""


class TenantSettings(Part):
    """What a tenant may ask for, unless it has limits of its own; over them it is answered with 429.

    A day is one of UTC; unset is without limit."""

    tenant_max_queued_jobs: Annotated[int, Field(ge=1)] | None = None
    """Jobs that may be queued at once."""
    tenant_max_queued_cpu_seconds: Annotated[float, Field(gt=0)] | None = None
    """CPU time in seconds that the queued jobs may be predicted to take together."""
    tenant_jobs_per_day: Annotated[int, Field(ge=0)] | None = None
    """Jobs a day. One that ends before any work was done is not counted, a retry is another job."""
    tenant_bytes_per_day: Annotated[int, Field(ge=0)] | None = None
    """Bytes of sources a day."""
    tenant_pixels_per_day: Annotated[int, Field(ge=0)] | None = None
    """Pixels of sources a day, of one frame of each."""
    tenant_cpu_seconds_per_day: Annotated[float, Field(ge=0)] | None = None
    """CPU time in seconds a day: predicted when a job is created, and what it took once it has ended."""
    tenant_stored_bytes: Annotated[int, Field(ge=0)] | None = None
    """Bytes of sources, outputs and assets that are stored at once."""


class SteeringSettings(Part):
    """What callers may ask for with a job."""

    max_schedule_seconds: Annotated[float, Field(ge=0)] = 30 * 86_400.0
    """How far ahead a job's `scheduled_at` may be."""


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


class RetrySettings(Part):
    """What happens when the store, the storage or another machine does not answer."""

    fault_tries: Annotated[int, Field(ge=1, le=1000)] = 10
    """A job fails (`unavailable`) once so many attempts were ended by a service that did not answer."""
    fault_backoff_seconds: Annotated[float, Field(gt=0)] = 1.0
    """Longest pause before such a job is tried again the first time; it doubles each time, and each pause is
    a random part of it."""
    max_fault_backoff_seconds: Annotated[float, Field(gt=0)] = 60.0
    """Longest that pause grows to."""
    breaker_failures: Annotated[int, Field(ge=1)] = 5
    """After so many failures in a row a service is left alone, and nothing is claimed that needs it."""
    breaker_seconds: Annotated[float, Field(gt=0)] = 1.0
    """How long at first; it doubles each time that a trial fails."""
    max_breaker_seconds: Annotated[float, Field(gt=0)] = 30.0
    """Longest that this grows to, and how long a trial may take."""


class KeeperSettings(Part):
    """The keeper's duties."""

    keeper_seconds: Annotated[float, Field(gt=0)] = 5.0
    """How often expired leases are rescued and the queue is rung again."""
    sweep_seconds: Annotated[float, Field(gt=0)] = 300.0
    """How often expired jobs and orphan files are swept."""
    orphan_seconds: Annotated[float, Field(gt=0)] = 3600.0
    """A file that no row names is removed at this age."""
    upload_wait_seconds: Annotated[float, Field(gt=0)] = 86_400.0
    """A job whose upload has not come after this long fails."""
    source_ttl_seconds: Annotated[float, Field(ge=0)] | None = None
    """How long after a job's end its source is kept; unset, as long as the job. A tenant's own goes first;
    a template or a job may ask for less."""
    output_ttl_seconds: Annotated[float, Field(ge=0)] | None = None
    """The same for its outputs."""
    record_ttl_seconds: Annotated[float, Field(ge=0)] | None = None
    """How long after its end a job is kept with all that belongs to it; unset, for ever."""
    audit_ttl_seconds: Annotated[float, Field(gt=0)] | None = None
    """How long lines of the audit log are kept; unset, for ever."""


class LimitSettings(Part):
    """What a picture may cost; each is checked before pixels are decoded."""

    max_image_side: Annotated[int, Field(ge=1, le=10_000_000)] = 16_384
    """Longest side of a source, and of an output, in pixels."""
    max_image_area: Annotated[int, Field(ge=1)] = 50_000_000
    """Largest area of a frame in pixels."""
    max_image_frames: Annotated[int, Field(ge=1)] = 200
    """Most frames of an animation."""
    max_image_frames_area: Annotated[int, Field(ge=1)] = 100_000_000
    """Largest frames × area in pixels."""
    max_image_bands: Annotated[int, Field(ge=1, le=64)] = 5
    """Most channels."""
    max_output_bytes: Annotated[int, Field(ge=1)] = 100 * MEGABYTE
    """Largest output in bytes."""
    max_memory_bytes: Annotated[int, Field(ge=256 * MEGABYTE)] = 1536 * MEGABYTE
    """Address space of a decoder process in bytes."""
    max_cpu_seconds: Annotated[int, Field(ge=1)] = 30
    """CPU time of one job."""
    max_job_seconds: Annotated[float, Field(gt=0)] = 60.0
    """Wall time of one job, then its decoder is killed."""


class FormatSettings(Part):
    """Formats that are read only where that is wanted."""

    allow_svg: bool = False
    """SVG is read: made harmless, then drawn by a decoder that is started for this one file and ends with
    it."""


def _networks(given: str) -> str:
    for text in _listed(given):
        ip_network(text)  # raises ValueError, which names what is wrong
    return given


class EgressSettings(Part):
    """Calls to other machines: pictures fetched, outputs and webhooks sent."""

    egress_allow: Annotated[str, AfterValidator(_networks)] = ""
    """Networks, as `10.0.0.0/8,127.0.0.1/32`, that are called although they are not public, on any port and
    by plain http too; for laptops, tests and intranets."""
    egress_ports: Annotated[str, Field(pattern=r"^\d{1,5}(, ?\d{1,5})*$")] = "80,443"
    """Ports of public addresses that are called."""
    egress_connect_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    """How long resolving a name may take, and each try to connect."""
    fetch_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """How long fetching a picture may take in all."""
    fetch_redirects: Annotated[int, Field(ge=0, le=3)] = 3
    """Redirects that are followed when a picture is fetched, each checked like the first URL."""
    deliver_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """How long sending one output may take in all."""
    transfer_tries: Annotated[int, Field(ge=1, le=20)] = 5
    """After so many tries, each later than the one before, a job whose picture or target is out of reach
    fails."""
    max_transfers: Annotated[int, Field(ge=1, le=200)] = 64
    """Pictures fetched and outputs sent at once; meanwhile their jobs take no decoder's place."""
    max_transfers_per_host: Annotated[int, Field(ge=1, le=200)] = 8
    """The same from and to one host, so that a slow one does not delay the others."""
    storage_allow: str = ""
    """Buckets and folders that callers may name, as `s3://bucket/prefix?region=eu-west-1,file:///srv/in`; the
    query has the service's options, and `access=read` or `access=write`. `{tenant}` in a prefix gives each
    tenant its own."""


class WebhookSettings(Part):
    """Webhooks: how they are sent, and how long that is tried."""

    webhook_timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 15.0
    """How long a receiver may take to answer, in all."""
    webhook_in_flight: Annotated[int, Field(ge=1, le=250)] = 128
    """Deliveries that are sent at once."""
    webhook_receiver_in_flight: Annotated[int, Field(ge=1, le=250)] = 8
    """Of these to one endpoint, or to one host for jobs' own URLs; to one that failed last, a single one."""
    webhook_retry_seconds: Annotated[str, Field(pattern=r"^\d+(\.\d+)?(,\d+(\.\d+)?){0,19}$")] = ",".join(
        f"{pause:g}" for pause in SCHEDULE_SECONDS
    )
    """Pauses before the second and each further try; each is longer by up to a fifth, at random. After the
    last try a delivery is dead, and kept."""
    webhook_disable_seconds: Annotated[float, Field(gt=0)] = 5 * 86_400.0
    """An endpoint that has done nothing but fail for so long is disabled."""
    webhook_overlap_seconds: Annotated[float, Field(ge=0)] = 86_400.0
    """How long a former secret signs beside the new one after a rotation."""
    webhook_endpoints: Annotated[int, Field(ge=1, le=1000)] = 50
    """Most endpoints of a tenant."""
    webhook_log_seconds: Annotated[float, Field(gt=0)] = 30 * 86_400.0
    """How long a delivery that has ended is kept, unless its job is deleted before."""


class LogSettings(Part):
    """What the server says."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least level that is logged."""
    log_format: Literal["auto", "json", "console"] = "auto"
    """`auto` is readable on a terminal and JSON elsewhere."""


DEFAULT_UPLOAD_BYTES = 50 * MEGABYTE
DEFAULT_ZERO_CONFIG_UPLOAD_BYTES = 10 * MEGABYTE


P = TypeVar("P", bound=Part)


def _listed(given: str) -> list[str]:
    return [text.strip() for text in given.split(",") if text.strip()]


class Settings:
    """All parts, read once; what is given goes before the environment; raises pydantic.ValidationError."""

    def __init__(self, **given: Any) -> None:
        def part(kind: type[P]) -> P:
            return kind(**{name: value for name, value in given.items() if name in kind.model_fields})

        self.http = part(HttpSettings)
        self.store = part(StoreSettings)
        self.storage = part(StorageSettings)
        self.queue = part(QueueSettings)
        self.tenant = part(TenantSettings)
        self.worker = part(WorkerSettings)
        self.steering = part(SteeringSettings)
        self.retries = part(RetrySettings)
        self.keeper = part(KeeperSettings)
        self.limits = part(LimitSettings)
        self.formats = part(FormatSettings)
        self.egress = part(EgressSettings)
        self.webhooks = part(WebhookSettings)
        self.log = part(LogSettings)

    @property
    def readable(self) -> frozenset[str]:
        """Names of the formats that are read."""
        return readable("svg") if self.formats.allow_svg else readable()

    @property
    def egress_networks(self) -> list[IPv4Network | IPv6Network]:
        """Networks that are called although they are not public."""
        return [ip_network(text) for text in _listed(self.egress.egress_allow)]

    @property
    def storage_allow(self) -> list[str]:
        """Prefixes of buckets and folders that callers may name."""
        return _listed(self.egress.storage_allow)

    @property
    def egress_ports(self) -> frozenset[int]:
        """Ports of public addresses that are called."""
        return frozenset(int(text) for text in _listed(self.egress.egress_ports))

    @property
    def webhook_schedule(self) -> list[float]:
        """Pauses between tries in seconds."""
        return [float(text) for text in _listed(self.webhooks.webhook_retry_seconds)]

    @property
    def upload_bytes(self) -> int:
        """The cap on an upload, in bytes."""
        return self.http.max_upload_size or DEFAULT_UPLOAD_BYTES

    @property
    def zero_config_upload_bytes(self) -> int:
        """The same on the zero-config service's own route."""
        return self.http.max_upload_size or DEFAULT_ZERO_CONFIG_UPLOAD_BYTES

    @property
    def image_limits(self) -> ImageLimits:
        """The caps that travel into the cage."""
        return ImageLimits(max_input_bytes=self.upload_bytes, **self.limits.model_dump())

    @property
    def server_limits(self) -> ServerLimits:
        """The caps on what waits."""
        return ServerLimits(
            self.queue.max_queue_depth,
            self.queue.max_queue_cpu_seconds,
            self.queue.max_queue_age_seconds,
            self.storage.min_free_bytes,
        )

    @property
    def tenant_limits(self) -> TenantLimits:
        """Those of every tenant that has none of its own."""
        given = self.tenant.model_dump()
        return TenantLimits(**{name.removeprefix("tenant_"): limit for name, limit in given.items()})

    @property
    def store_address(self) -> str:
        """The job store's address."""
        return self.store.store or f"sqlite:///{self.store.db_path}"

    @property
    def storage_address(self) -> str:
        """The storage's address."""
        if self.storage.storage:
            return self.storage.storage
        return "file://?" + urlencode(
            {"uploads": self.storage.upload_dir, "outputs": self.storage.output_dir}
        )

    @property
    def backoff(self) -> Backoff:
        """When a job is tried again after a fault."""
        given = self.retries
        return Backoff(given.fault_backoff_seconds, given.max_fault_backoff_seconds, given.fault_tries)

    @property
    def breaker(self) -> BreakerPolicy:
        """When a service is left alone."""
        given = self.retries
        return BreakerPolicy(given.breaker_failures, given.breaker_seconds, given.max_breaker_seconds)

    @property
    def pool_size(self) -> int:
        """How many decoder processes to run."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return self.worker.worker_pool_size or cores or 1

    @property
    def pool_options(self) -> PoolOptions:
        """How the decoders are run."""
        return PoolOptions(
            size=self.pool_size,
            sandbox=self.worker.sandbox,
            fork=self.worker.fork_decoders,
            job_seconds=self.limits.max_job_seconds,
            memory_bytes=self.limits.max_memory_bytes,
            max_jobs=self.worker.child_max_jobs,
            max_rss_bytes=self.worker.child_max_rss_bytes,
            svg=self.formats.allow_svg,
        )
