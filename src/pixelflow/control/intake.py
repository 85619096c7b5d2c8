"""Pictures on their way in: the type by the first bytes and the size cap, both while they stream."""

from collections.abc import AsyncIterable, AsyncIterator, Collection
from dataclasses import dataclass, field

from pixelflow.domain.errors import TooLarge, UnsupportedImage
from pixelflow.domain.installed import advice, readable, remedy
from pixelflow.domain.media import SNIFF_BYTES, sniff


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """What may come in; ``max_bytes`` is what the setting MAX_UPLOAD_SIZE says."""

    max_bytes: int
    formats: Collection[str] = field(default_factory=readable)


class Inspected:
    """A stream of a picture's bytes that passes on what it gets, and breaks off what must not come in.

    Iterating raises UnsupportedImage after the first bytes, before more are read, and TooLarge at the first
    byte over the cap. ``format`` and ``head``, the first bytes, are known once the first chunk was passed on;
    ``broken`` says that the stream itself failed.
    """

    def __init__(self, chunks: AsyncIterable[bytes], limits: IntakeLimits) -> None:
        self.format = ""
        self.broken = False
        self.head = b""
        self._chunks = chunks
        self._limits = limits

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._limits.max_bytes
        head = b""
        try:
            async for chunk in self._chunks:
                left -= len(chunk)
                if left < 0:
                    raise too_large(self._limits.max_bytes)
                if self.format:
                    yield chunk
                    continue
                head += chunk
                if len(head) >= SNIFF_BYTES:
                    self.format, self.head = recognised(head, self._limits.formats), head
                    yield head
        except OSError:
            self.broken = True
            raise
        if not self.format:
            self.format, self.head = recognised(head, self._limits.formats), head
            yield head


def recognised(head: bytes, formats: Collection[str]) -> str:
    """The format's name by a file's first bytes; raises UnsupportedImage when it is none of ``formats``."""
    found = sniff(head[:SNIFF_BYTES])
    if found is not None and found in formats:
        return found
    allowed = sorted(formats)
    if not head:
        what = "the file is empty"
    elif found is None:
        what = "these bytes are not an image of a kind that PixelFlow knows"
    else:
        what = f"this is {found}, and {advice(found)}"
    mend = remedy(found) if found else {}
    raise UnsupportedImage(f"{what}; allowed are {', '.join(allowed)}", found=found, allowed=allowed, **mend)


def too_large(limit_bytes: int, value: int | None = None) -> TooLarge:
    """The error of an upload over the cap; ``value`` is its size in bytes where it is known."""
    return TooLarge(
        f"the upload is larger than {limit_bytes} bytes; MAX_UPLOAD_SIZE sets this limit",
        limit=limit_bytes,
        value=value,
        setting="MAX_UPLOAD_SIZE",
    )
