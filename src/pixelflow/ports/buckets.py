"""Storage that belongs to others: buckets and folders that callers name."""

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

Access = Literal["read", "write"]


@dataclass(frozen=True, slots=True)
class Object:
    """One object of a bucket."""

    url: str
    bytes: int


class Buckets(Protocol):
    """Objects by URLs as ``s3://bucket/key``, of which only those are reached that an allow-list names.

    Raises EgressRefused for any other, KeyError for an object that is not there, PermissionError where the
    service does not allow it, and OSError when it cannot answer.
    """

    def check(self, tenant: str, url: str, access: Access) -> None:
        """Raises EgressRefused; asks nobody."""

    def read(self, tenant: str, url: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The object in chunks."""

    async def write(
        self, tenant: str, url: str, chunks: AsyncIterable[bytes], size: int, media_type: str
    ) -> None:
        """Put an object of ``size`` bytes there, whole or not at all, in place of an earlier one."""

    def list(self, tenant: str, prefix: str) -> AsyncIterator[Object]:
        """All objects whose URL begins with ``prefix``, in the order of their names as far as the service
        has one."""
