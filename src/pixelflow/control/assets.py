"""Pictures that pipelines refer to."""

import time
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass, field
from secrets import token_hex

from pixelflow.control.idempotency import Promise
from pixelflow.control.intake import Inspected, IntakeLimits
from pixelflow.control.storing import store_picture
from pixelflow.domain.asset import JOB, Asset
from pixelflow.domain.breaker import Circuits
from pixelflow.domain.errors import InvalidRequest, Problem, UnknownId
from pixelflow.domain.keys import asset_key
from pixelflow.domain.media import BY_NAME
from pixelflow.operations.pipeline import Pipeline
from pixelflow.operations.references import URL, files_in
from pixelflow.ports.storage import Storage
from pixelflow.ports.store import JobStore, Page, picture_key


@dataclass(frozen=True, slots=True)
class Assets:
    """Upload, list and delete; the same bytes have the same id within a tenant."""

    store: JobStore
    storage: Storage
    intake: IntakeLimits
    clock: Callable[[], float]
    circuits: Circuits = field(default_factory=lambda: Circuits(time.monotonic))
    """While the storage's is open, no picture is taken."""

    async def add(
        self, tenant: str, chunks: AsyncIterable[bytes], promise: Promise = lambda given, sha256: None
    ) -> Asset:
        """Keep a picture; raises UnsupportedImage, TooLarge, Busy and InvalidRequest, then keeps nothing."""
        inspected = Inspected(chunks, self.intake)
        # The id is not known before the last byte, so that the place is a random one.
        key = asset_key(tenant, token_hex(16))
        stored = await store_picture(self.storage, self.circuits, key, inspected)
        asset = Asset(
            tenant=tenant,
            id=f"ast_{stored.sha256[:32]}",
            key=stored.key,
            format=inspected.format,
            media_type=BY_NAME[inspected.format].media_type,
            bytes=stored.bytes,
            sha256=stored.sha256,
            created_at=self.clock(),
        )
        try:
            kept = await self.store.put_asset(asset, promise({}, asset.sha256))
        except Exception:  # one that is broken off may have put it in the book
            await self.storage.delete([stored.key])
            raise
        if kept.key != stored.key:
            await self.storage.delete([stored.key])
        return kept

    async def get(self, tenant: str, asset_id: str) -> Asset:
        """Raises UnknownId."""
        asset = await self.store.get_asset(tenant, asset_id)
        if asset is None:
            raise UnknownId(f"there is no asset {asset_id}")
        return asset

    async def list(self, tenant: str, limit: int, cursor: str | None) -> Page[Asset]:
        """Newest first; raises MalformedRequest for a cursor that is not ours."""
        return await self.store.list_assets(tenant, limit, cursor)

    async def delete(self, tenant: str, asset_id: str, actor: str) -> None:
        """Remove the row, then the file; raises UnknownId. A queued job that needs it will fail."""
        asset = await self.store.delete_asset(tenant, asset_id, actor)
        if asset is None:
            raise UnknownId(f"there is no asset {asset_id}")
        await self.storage.delete([asset.key])

    async def require(self, tenant: str, pipeline: Pipeline) -> None:
        """Raises InvalidRequest naming each step that refers to a picture which is not there."""
        problems = [
            Problem(f"there is no {what} {name!r}", step.operation.refers_in, step.id, reference, allowed)
            for step in pipeline.steps
            for reference in sorted(files_in(step.operation.needs()))
            if URL not in reference
            if await picture_key(self.store, tenant, reference) is None
            for what, name, allowed in [_told(reference)]
        ]
        if problems:
            raise InvalidRequest(problems, code="unknown_asset")


def _told(reference: str) -> tuple[str, str, str]:
    if reference.startswith(JOB):
        return (
            "job with a picture",
            reference.removeprefix(JOB),
            "a job whose picture is kept",
        )
    return "asset", reference, "the id of an asset in /v1/assets"
