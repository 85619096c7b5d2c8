"""Templates in the book."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pixelflow.domain.audit import OPERATOR
from pixelflow.domain.keep import Keep
from pixelflow.domain.template import Meanings, Reference, Template
from pixelflow.ports.store import IdempotencyKey, Page


class TemplateStore(Protocol):
    """Versions that never change and names that move; every write is one atomic, durable transaction.

    What is not there, or was deleted, is ``None``; a version's number is never given again, whatever is
    deleted. Who moves or deletes something is noted in the audit log.
    """

    async def add(
        self,
        tenant: str,
        name: str,
        pipeline: Sequence[Mapping[str, Any]],
        description: str | None,
        idempotency: IdempotencyKey | None = None,
        keep: Keep | None = None,
    ) -> tuple[Template, bool]:
        """The next version, or the newest where it has the same pipeline and times; and whether it is new.
        The first version is what the bare name means."""

    async def find(self, tenant: str, reference: Reference) -> Template | None:
        """On the way of every job that names a template."""

    async def meanings(self, tenant: str, name: str) -> Meanings | None: ...

    async def list(self, tenant: str, limit: int, cursor: str | None) -> Page[tuple[Template, Meanings]]:
        """By name, of each what the bare name means; ``cursor`` is the name of the page's last one."""

    async def versions(self, tenant: str, name: str, limit: int, before: int) -> Page[Template]:
        """Newest first, those below ``before``."""

    async def promote(
        self, tenant: str, name: str, alias: str, wanted: int | str, actor: str = OPERATOR
    ) -> Template | None:
        """Let an alias (``BARE`` for the name alone) mean a version; what it meant before is remembered.
        Raises InvalidRequest for one alias too many."""

    async def rollback(
        self,
        tenant: str,
        name: str,
        alias: str,
        idempotency: IdempotencyKey | None = None,
        actor: str = OPERATOR,
    ) -> Template | None:
        """Let it mean again what it did before; raises StateConflict where there is nothing before."""

    async def delete(self, tenant: str, reference: Reference, actor: str = OPERATOR) -> bool:
        """All of a template, one version or one alias; raises StateConflict for a version that a name still
        means."""
