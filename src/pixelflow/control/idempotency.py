"""Requests that may be sent again: when two are the same, and one at a time."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pixelflow.domain.errors import StateConflict
from pixelflow.ports.store import IdempotencyKey

Promise = Callable[[Mapping[str, Any], str | None], IdempotencyKey | None]
"""Makes the store's key of a request's fields and its picture's SHA-256, which is known at its last byte."""


@dataclass(frozen=True)
class RunningKeys:
    """The idempotency keys of requests that this process is answering, each with its tenant."""

    keys: set[tuple[str, str]] = field(default_factory=set)

    @contextmanager
    def alone(self, tenant: str, key: str | None) -> Iterator[None]:
        """Hold an idempotency key while its request runs; raises StateConflict while another one holds it."""
        if key is None:
            yield
            return
        held = (tenant, key)
        if held in self.keys:
            raise StateConflict(
                "a request with this Idempotency-Key is still running",
                code="idempotency_running",
                retry_after=1,
            )
        self.keys.add(held)
        try:
            yield
        finally:
            self.keys.discard(held)


def fingerprint(route: str, tenant: str, request: Mapping[str, Any], sha256: str | None = None) -> str:
    """What makes two requests the same: route, tenant, every field, and the picture's hash."""
    text = msgspec.json.encode([route, tenant, request, sha256], order="deterministic", enc_hook=bytes.hex)
    return hashlib.sha256(text).hexdigest()
