"""Batches and their lines as rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pixelflow.adapters.store.rows import Row
from pixelflow.domain.batch import Batch, BatchState, Item, ItemState
from pixelflow.domain.job import Job, Remote

_encode = msgspec.json.Encoder().encode
_to_draft = msgspec.json.Decoder(Job).decode


class _Source(msgspec.Struct):
    """What a line says of its picture."""

    remote: Remote | None = None
    metadata: Mapping[str, Any] = {}


_to_source = msgspec.json.Decoder(_Source).decode


def batch_values(batch: Batch) -> dict[str, object]:
    """A new batch's columns by name, without those that the store itself decides."""
    return {
        "tenant": batch.tenant,
        "id": batch.id,
        "draft": _encode(batch.draft).decode(),
        "total": batch.total,
        "refused": batch.refused,
        "unfinished": batch.unfinished,
        "max_in_flight": batch.max_in_flight,
        "state": batch.state.value,
    }


def items_text(items: Sequence[Item]) -> str:
    """All lines as one JSON list, as ``INSERT_ITEMS`` reads it."""
    return _encode(
        [
            (item.number, _Source(item.remote, item.metadata), item.state, item.code, item.error)
            for item in items
        ]
    ).decode()


def to_batch(row: Row) -> Batch:
    """A row of ``BATCH_COLUMNS``."""
    tenant, batch_id, draft, total, refused, unfinished, most, created_at, state, *counts = row
    return Batch(
        tenant,
        batch_id,
        _to_draft(draft),
        total,
        refused,
        unfinished,
        most,
        created_at,
        BatchState(state),
        *counts,
    )


def to_item(row: Row) -> Item:
    """A row of ``ITEM_COLUMNS``."""
    number, source, state, code, error, job_id = row
    found = _to_source(source)
    return Item(number, found.remote, found.metadata, ItemState(state), code, error, job_id)
