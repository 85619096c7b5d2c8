"""Pictures into the storage, for as long as that answers."""

import math

from pixelflow.control.intake import Inspected
from pixelflow.domain.breaker import Circuit, Circuits
from pixelflow.domain.errors import Busy
from pixelflow.ports.storage import Storage, Stored


async def store_picture(storage: Storage, circuits: Circuits, key: str, picture: Inspected) -> Stored:
    """The picture, stored; a failure of the storage counts against its circuit.

    Raises Busy (``storage_unavailable``) while that is open, OSError, and as ``picture``.
    """
    breaker, now = circuits.storage, circuits.clock()
    if breaker.state(now) is Circuit.OPEN:
        raise Busy(
            "the storage does not answer; it is tried again soon",
            code="storage_unavailable",
            retry_after=max(1, math.ceil(breaker.seconds(now))),
        )
    try:
        return await storage.put(key, picture)
    except OSError as error:
        if not picture.broken:
            breaker.failed(circuits.clock(), error)
        raise
