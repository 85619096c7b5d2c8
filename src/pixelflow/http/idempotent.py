"""``Idempotency-Key``, for every route that creates something."""

from collections.abc import Iterator
from contextlib import contextmanager

from pixelflow.control.idempotency import Promise, fingerprint
from pixelflow.domain.errors import MalformedRequest
from pixelflow.http.exchange import Exchange
from pixelflow.ports.store import IdempotencyKey

MAX_KEY_LENGTH = 255
REPLAYED = (b"idempotency-replayed", b"true")


@contextmanager
def promising(exchange: Exchange, tenant: str) -> Iterator[Promise]:
    """For the whole of a creating request, its body included; raises StateConflict while the same key runs.

        with promising(exchange, tenant) as promise:
            given = await json_object(exchange)
            made = await store.create(thing, promise(given, None))

    What it gives makes the store's key of the request's fields and its picture's SHA-256, where there is one;
    ``None`` for a caller who sent no key.
    """
    key = idempotency_key(exchange)
    route = f"{exchange.scope['method']} {exchange.scope['path']}"
    with exchange.services.jobs.running.alone(tenant, key):
        yield (
            lambda given, sha256: (
                None if key is None else IdempotencyKey(key, fingerprint(route, tenant, given, sha256))
            )
        )


def idempotency_key(exchange: Exchange) -> str | None:
    """The request's Idempotency-Key; raises MalformedRequest for one that cannot be kept."""
    raw = exchange.header(b"idempotency-key")
    if raw is None:
        return None
    key = raw.decode("latin-1").strip()
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise MalformedRequest(
            f"an Idempotency-Key has 1 to {MAX_KEY_LENGTH} printable ASCII characters", code="malformed_key"
        )
    return key
