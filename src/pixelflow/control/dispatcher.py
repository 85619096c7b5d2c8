"""Sends webhooks: at least once, by the schedule, and no receiver in another's way."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from pixelflow.domain import signature
from pixelflow.domain.errors import EgressRefused, PixelFlowError
from pixelflow.domain.retry_after import asked_seconds
from pixelflow.domain.secrets import HIDDEN, is_secret
from pixelflow.domain.webhook import Attempt, DeliveryState, Message, Parcel, Verdict, judge
from pixelflow.ports.egress import Answer, Egress
from pixelflow.ports.webhooks import Lane, WebhookStore

log = structlog.get_logger()

AHEAD = 2
"""So many times what a receiver may be sent at once is claimed for it: the next is at hand when one ends."""
LEASE_MARGIN_SECONDS = 15.0
"""How much longer than its wait and its try may take a delivery is held."""
STORE_PAUSE_SECONDS = 1.0
"""How long to wait after the store could not answer."""
MAX_ANSWER_BYTES = 16 * 1024
"""What is read of an answer's body, which is not kept."""
MAX_HEADERS = 50
MAX_HEADER_LENGTH = 500
MAX_FAILING_LANES = 10_000
"""Receivers that are remembered as failing."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much at once, and how patiently: ``schedule`` are the pauses between tries in seconds,
    ``disable_seconds`` how long an endpoint may do nothing but fail."""

    timeout_seconds: float
    in_flight: int
    receiver_in_flight: int
    schedule: Sequence[float]
    disable_seconds: float


class Dispatcher:
    """Claims what is due, sends it, and notes what came of it; ``payload`` makes a message's body,
    ``observe`` is told each try's result and its seconds.

    A receiver that failed last is tried with one delivery at a time until it answers with 2xx again, so that
    many dead receivers leave room for the living.
    """

    def __init__(
        self,
        store: WebhookStore,
        egress: Egress,
        payload: Callable[[Message], bytes],
        pace: Pace,
        owner: str,
        observe: Callable[[str, float], None] = lambda result, seconds: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._egress = egress
        self._payload = payload
        self._pace = pace
        self._owner = owner
        self._observe = observe
        self._clock = clock
        self._news = asyncio.Event()
        self._sending: dict[asyncio.Task[None], Parcel] = {}
        self._lanes: Counter[Lane] = Counter()
        self._turns: dict[Lane, asyncio.Semaphore] = {}
        self._failing: dict[Lane, None] = {}
        store.on_due(self.wake)

    @property
    def in_flight(self) -> int:
        """Deliveries that are being sent now, or wait for their turn."""
        return len(self._sending)

    def wake(self) -> None:
        """Look again for what is due."""
        self._news.set()

    async def run(self) -> None:
        """Send what is due as it becomes due; never returns. What is in flight at its end is ``drain``'s."""
        while True:
            self._news.clear()
            try:
                next_at = await self._begin()
            except (OSError, PixelFlowError) as error:
                log.warning("webhooks wait for the store", error=str(error))
                await asyncio.sleep(STORE_PAUSE_SECONDS)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(None if next_at is None else max(0.0, next_at - self._clock())):
                    await self._news.wait()

    async def drain(self, seconds: float) -> None:
        """Let what is in flight end, for that long at most; what is left is due again at once."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=seconds)
        left = list(self._sending.values())
        for task in (*self._sending,):
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        if left:
            log.info("webhooks released", count=len(left))
            with suppress(OSError, PixelFlowError):
                await self._store.release(left)

    async def _begin(self) -> float | None:
        """Claim and send what there is room for; when to look again, ``None`` for after the next news."""
        pace = self._pace
        room = pace.in_flight - len(self._sending)
        if room <= 0:
            return None
        claimed = await self._store.claim(
            self._owner,
            AHEAD * pace.timeout_seconds + LEASE_MARGIN_SECONDS,
            room,
            AHEAD * pace.receiver_in_flight,
            self._taken(),
        )
        for parcel in claimed.parcels:
            task = asyncio.create_task(self._deliver(parcel), name=f"webhook-{parcel.delivery.id}")
            self._sending[task] = parcel
            self._lanes[_lane(parcel)] += 1
            task.add_done_callback(self._ended)
        return claimed.next_at

    def _taken(self) -> Mapping[Lane, int]:
        taken = self._lanes.copy()
        for lane in self._failing:
            taken[lane] += AHEAD * self._pace.receiver_in_flight - 1
        return taken

    def _ended(self, task: "asyncio.Task[None]") -> None:
        del self._sending[task]
        self._news.set()
        if not task.cancelled() and (error := task.exception()):
            log.error("webhook failed", exc_info=error)

    async def _deliver(self, parcel: Parcel) -> None:
        delivery = parcel.delivery
        lane = _lane(parcel)
        turn = self._turns.setdefault(lane, asyncio.Semaphore(self._pace.receiver_in_flight))
        try:
            async with turn:
                begun, at = time.perf_counter(), self._clock()
                headers, answer, error = await self._sent(parcel, at)
        finally:
            self._leave(lane)
        seconds = time.perf_counter() - begun
        status = answer.status if answer else None
        failures = delivery.attempts - delivery.earlier
        asked = asked_seconds(answer.headers.get("retry-after"), self._clock()) if answer else None
        chance = random.random()  # noqa: S311 - jitter
        verdict = judge(status, failures, self._pace.schedule, chance, asked)
        attempt = Attempt(
            delivery.attempts + 1,
            at,
            seconds,
            status,
            error,
            shown(headers),
            shown(answer.headers) if answer else {},
        )
        self._remember(lane, verdict)
        self._observe("failed" if verdict.state is DeliveryState.PENDING else verdict.state.value, seconds)
        try:
            disabled = await self._store.conclude(parcel, attempt, verdict, self._pace.disable_seconds)
        except (OSError, PixelFlowError) as unknown:
            log.warning("webhook sent, but not noted: it will be sent again", error=str(unknown))
            return
        if disabled:
            log.warning("webhook endpoint disabled", endpoint=disabled.id, reason=disabled.reason)

    async def _sent(self, parcel: Parcel, at: float) -> tuple[Mapping[str, str], Answer | None, str | None]:
        body = self._payload(parcel.message)
        signed = signature.headers(parcel.secrets, parcel.message.id, int(at), body)
        headers = {"content-type": "application/json", **signed}
        limit = self._pace.timeout_seconds
        try:
            answer = await self._egress.send(
                "POST",
                parcel.delivery.url,
                headers,
                body,
                timeout_seconds=limit,
                max_answer_bytes=MAX_ANSWER_BYTES,
            )
        except EgressRefused as refused:
            return headers, None, refused.detail
        except OSError as broken:
            return headers, None, str(broken) or type(broken).__name__
        except Exception as unforeseen:  # the schedule holds, whatever it is
            log.error("webhook failed", delivery=parcel.delivery.id, exc_info=unforeseen)
            return headers, None, type(unforeseen).__name__
        return headers, answer, None

    def _leave(self, lane: Lane) -> None:
        # The receiver is free for the next one while the store notes what it said.
        self._lanes[lane] -= 1
        if not self._lanes[lane]:
            del self._lanes[lane]
            self._turns.pop(lane, None)
        self._news.set()

    def _remember(self, lane: Lane, verdict: Verdict) -> None:
        self._failing.pop(lane, None)
        if verdict.state is not DeliveryState.DELIVERED and len(self._failing) < MAX_FAILING_LANES:
            self._failing[lane] = None


def shown(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Headers as the log keeps them: no secrets, no signatures, not too many and none too long."""
    return {
        name: HIDDEN if is_secret(name) else value[:MAX_HEADER_LENGTH]
        for name, value in list(headers.items())[:MAX_HEADERS]
    }


def _lane(parcel: Parcel) -> Lane:
    return parcel.delivery.tenant, parcel.delivery.lane
