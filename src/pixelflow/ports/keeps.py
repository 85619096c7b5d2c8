"""For how long each tenant may have things kept."""

from typing import Protocol

from pixelflow.domain.audit import OPERATOR
from pixelflow.domain.keep import Keep


class KeepStore(Protocol):
    """An operator's word on each tenant; raises StoreUnavailable."""

    def of(self, tenant: str) -> Keep:
        """Nothing where nobody said anything; at hand, since every job that is created asks."""

    async def put(self, tenant: str, keep: Keep, actor: str = OPERATOR) -> None:
        """Jobs that are there already keep their times; noted in the audit log."""
