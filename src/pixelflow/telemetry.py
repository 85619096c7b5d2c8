"""Logs and metrics: what operators see from outside."""

import logging
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Literal

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from pixelflow.control.keeper import Record
from pixelflow.domain.breaker import Circuit, Circuits
from pixelflow.domain.job import JobState
from pixelflow.domain.secrets import HIDDEN, is_secret
from pixelflow.ports.store import Depth
from pixelflow.ports.webhooks import Backlog

PHASE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""The methods that metrics tell apart; a client may invent any number of others."""


def configure_logs(level: str, form: Literal["auto", "json", "console"]) -> None:
    """Readable lines on a terminal, JSON elsewhere, all on standard error."""
    readable = form == "console" or (form == "auto" and sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _redact,
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=lambda *_: _Lines(sys.stderr),
        cache_logger_on_first_use=True,
    )


class _Lines(structlog.PrintLogger):
    """Lines into a file; one that cannot be written, as on a full disk, is lost and stops nobody's work."""

    def msg(self, message: str) -> None:
        with suppress(OSError):
            super().msg(message)

    debug = info = warning = error = critical = msg


def _redact(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for name in event:
        if is_secret(name):
            event[name] = HIDDEN
    return event


DUTY_GAUGES = {
    "period_seconds": "How often a duty runs.",
    "last_run_timestamp_seconds": "When a duty last began, 0 for never.",
    "last_seconds": "How long its last run took.",
    "last_count": "How much its last run found to do.",
    "lag_seconds": "For how long a run that goes well is due.",
    "found": "How much it found to do since the start.",
    "failures": "Runs that failed since the start.",
}


@dataclass(frozen=True)
class Slots:
    """The pool at one moment."""

    size: int
    busy: int


class Metrics:
    """The Prometheus metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._jobs = Gauge("pixelflow_jobs", "Jobs by state.", ["state"], registry=self.registry)
        self._depth = Gauge("pixelflow_queue_depth", "Jobs waiting for a worker.", registry=self.registry)
        self._age = Gauge(
            "pixelflow_queue_age_seconds", "Age of the oldest waiting job.", registry=self.registry
        )
        self._slots = Gauge("pixelflow_slots", "Decoder slots.", ["state"], registry=self.registry)
        phases = Histogram(
            "pixelflow_phase_seconds",
            "Time of a job by phase: waiting, fetching, decode, each operation, encode, delivering, storing.",
            ["phase"],
            buckets=PHASE_BUCKETS,
            registry=self.registry,
        )
        requests = Histogram(
            "pixelflow_http_request_seconds",
            "Time to answer by route.",
            ["method", "route", "status"],
            buckets=PHASE_BUCKETS,
            registry=self.registry,
        )
        ended = Counter(
            "pixelflow_jobs_ended_total",
            "Jobs that ended, by state and code.",
            ["state", "code"],
            registry=self.registry,
        )
        reused = Counter(
            "pixelflow_step_cache_total",
            "Outputs that an earlier job had made already (hit), and those that had to be made (miss).",
            ["result"],
            registry=self.registry,
        )
        self._duties = {
            name: Gauge(f"pixelflow_keeper_{name}", text, ["duty"], registry=self.registry)
            for name, text in DUTY_GAUGES.items()
        }
        self._circuits = Gauge(
            "pixelflow_circuit",
            "Circuit breaker of a service: 1 in the state that it is in.",
            ["service", "state"],
            registry=self.registry,
        )
        self._hosts = Gauge(
            "pixelflow_host_circuits",
            "Other machines that have failed of late, by the state of their circuit breaker.",
            ["state"],
            registry=self.registry,
        )
        self._hits, self._misses = reused.labels("hit"), reused.labels("miss")
        self._pending = Gauge(
            "pixelflow_webhook_pending", "Deliveries that are not done.", registry=self.registry
        )
        self._lag = Gauge(
            "pixelflow_webhook_lag_seconds", "For how long the oldest of them is due.", registry=self.registry
        )
        deliveries = Histogram(
            "pixelflow_webhook_seconds",
            "Time of a try, by result: delivered, failed (to be tried again), dead.",
            ["result"],
            buckets=PHASE_BUCKETS,
            registry=self.registry,
        )
        self._delivery = cache(deliveries.labels)
        # A lookup by labels costs more than the count itself.
        self._phase = cache(phases.labels)
        self._http = cache(requests.labels)
        self._ended = cache(ended.labels)

    def phase(self, name: str, seconds: float) -> None:
        """A job spent that long in a phase."""
        self._phase(name).observe(seconds)

    def ended(self, state: str, code: str) -> None:
        """A job ended."""
        self._ended(state, code).inc()

    def recalled(self, hits: int, misses: int) -> None:
        """So many of a job's outputs were in the step cache, and so many were not."""
        self._hits.inc(hits)
        self._misses.inc(misses)

    def http(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered; ``route`` is the template, never the path."""
        self._http(method if method in METHODS else "other", route, status).observe(seconds)

    def kept(self, records: Sequence[Record], now: float) -> None:
        """How the keeper's duties stand."""
        for record in records:
            values = (
                record.duty.period_seconds,
                record.last_run or 0.0,
                record.seconds,
                record.count,
                record.lag_seconds(now),
                record.found,
                record.failures,
            )
            for gauge, value in zip(self._duties.values(), values, strict=True):
                gauge.labels(record.duty.name).set(value)

    def webhook(self, result: str, seconds: float) -> None:
        """A delivery was tried."""
        self._delivery(result).observe(seconds)

    def waiting(self, backlog: Backlog) -> None:
        """What is still to be delivered."""
        self._pending.set(backlog.pending)
        self._lag.set(backlog.lag_seconds)

    def circuits(self, circuits: Circuits, hosts: Mapping[Circuit, int]) -> None:
        """Which services are left alone, and how many other machines are in each state."""
        for state in Circuit:
            self._hosts.labels(state.value).set(hosts.get(state, 0))
        for name, breaker in circuits.by_name.items():
            now = breaker.state(circuits.clock())
            for state in Circuit:
                self._circuits.labels(name, state.value).set(state is now)

    def render(self, depth: Depth, slots: Slots) -> bytes:
        """The exposition text, with the gauges as they are now."""
        for state in JobState:
            self._jobs.labels(state.value).set(depth.by_state.get(state, 0))
        self._depth.set(depth.by_state.get(JobState.QUEUED, 0))
        self._age.set(depth.oldest_queued_seconds)
        self._slots.labels("busy").set(slots.busy)
        self._slots.labels("idle").set(max(0, slots.size - slots.busy))
        return generate_latest(self.registry)
