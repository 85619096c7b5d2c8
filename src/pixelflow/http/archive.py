"""Several stored files as one zip, written while it is sent."""

import io
import zipfile
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pixelflow.domain.job import Output
from pixelflow.http.download import file_name
from pixelflow.ports.storage import Storage

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Outbox(io.RawIOBase):
    """What was written and not yet taken; it cannot seek, so that zipfile writes straight on."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer") -> int:
        written = memoryview(data).nbytes
        self._written += data
        return written

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


async def zipped(storage: Storage, outputs: Sequence[Output], made_at: float) -> AsyncIterator[bytes]:
    """A zip of the outputs, stored without compression: pictures are compressed already."""
    outbox = _Outbox()
    when = datetime.fromtimestamp(made_at, UTC).timetuple()[:6]
    with zipfile.ZipFile(outbox, "w", zipfile.ZIP_STORED) as archive:
        for output in outputs:
            entry = zipfile.ZipInfo(file_name(output), when)
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w") as file:
                async for chunk in storage.read(output.key):
                    file.write(chunk)
                    yield outbox.take()
    yield outbox.take()
