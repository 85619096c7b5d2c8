"""Buckets where the extra that reaches them is not installed."""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NoReturn

from pixelflow.adapters.buckets.prefixes import Prefix, opened
from pixelflow.domain.errors import EgressRefused
from pixelflow.domain.installed import PACKAGE
from pixelflow.ports.buckets import Access, Object


@dataclass(frozen=True, slots=True)
class AbsentBuckets:
    """Refuses everything, what a prefix opens with the name of the extra."""

    prefixes: Sequence[Prefix]

    def check(self, tenant: str, url: str, access: Access) -> None:
        self._refuse(tenant, url, access)

    def read(self, tenant: str, url: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        self._refuse(tenant, url, "read")

    async def write(
        self, tenant: str, url: str, chunks: AsyncIterable[bytes], size: int, media_type: str
    ) -> None:
        self._refuse(tenant, url, "write")

    def list(self, tenant: str, prefix: str) -> AsyncIterator[Object]:
        self._refuse(tenant, prefix, "read")

    def _refuse(self, tenant: str, url: str, access: Access) -> NoReturn:
        opened(self.prefixes, tenant, url, access)
        install = f"pip install '{PACKAGE}[s3]'"
        raise EgressRefused(
            f"the extra 's3', which reaches buckets and folders, is not installed: {install}",
            extra="s3",
            install=install,
        )
