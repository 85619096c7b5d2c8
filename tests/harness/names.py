"""Names that a test resolves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pixelflow.ports.buckets import Buckets
from pixelflow.ports.egress import Egress

Make = Callable[..., Egress]


@dataclass
class Names:
    """A resolver: each name's answers one after the other, the last again and again."""

    answers: dict[str, list[list[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if host.replace(".", "").isdigit() or ":" in host:
            return [host]
        given = self.answers.get(host)
        if given is None:
            raise OSError("no such name")
        return given.pop(0) if len(given) > 1 else given[0]


@dataclass(frozen=True)
class Opened:
    """Buckets, and a prefix below which they may be read and written."""

    buckets: Buckets
    base: str
