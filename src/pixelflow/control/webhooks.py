"""What a caller can do with webhooks."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pixelflow.control.idempotency import Promise
from pixelflow.domain.errors import EgressRefused, InvalidRequest, Problem, StateConflict, UnknownId
from pixelflow.domain.signature import new_secret
from pixelflow.domain.webhook import (
    EVENTS,
    TEST,
    Attempt,
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointState,
    Message,
    Secret,
    endpoint_id,
    message_id,
)
from pixelflow.ports.store import Page
from pixelflow.ports.webhooks import DeliveryFilter, Resent, WebhookStore

MAX_DESCRIPTION = 500
REDELIVERED_AT_ONCE = 200
"""Deliveries of one transaction."""
FIELDS = ("url", "events", "description")


@dataclass(frozen=True)
class Webhooks:
    """Endpoints, the log, and sending again; every method is for one tenant; ``actor`` is whom the audit log
    names.

    ``check`` raises EgressRefused for a URL that is not sent to.
    """

    store: WebhookStore
    check: Callable[[str], Awaitable[None]]
    most: int
    overlap_seconds: float

    async def add(self, tenant: str, actor: str, given: Mapping[str, Any], promise: Promise) -> Endpoint:
        """Register; raises InvalidRequest, EgressRefused, StateConflict."""
        facts = _read(given)
        if "url" not in facts:
            raise InvalidRequest([Problem("a url is required", "url", allowed="an https URL")])
        await self._allowed(facts["url"])
        new = Endpoint(tenant, endpoint_id(), secrets=(Secret(new_secret()),), **{"events": EVENTS, **facts})
        return await self.store.add(new, self.most, promise(given, None), actor)

    async def get(self, tenant: str, endpoint_id: str) -> Endpoint:
        """Raises UnknownId."""
        return _there(await self.store.endpoint(tenant, endpoint_id), endpoint_id)

    async def list(self, tenant: str) -> Sequence[Endpoint]:
        """All of them, newest first."""
        return await self.store.endpoints(tenant)

    async def change(self, tenant: str, actor: str, endpoint_id: str, given: Mapping[str, Any]) -> Endpoint:
        """Other url, events or description; raises InvalidRequest, EgressRefused, UnknownId."""
        facts = _read(given)
        endpoint = await self.get(tenant, endpoint_id)
        if "url" in facts:
            await self._allowed(facts["url"])
        return _there(await self.store.change(replace(endpoint, **facts), actor), endpoint_id)

    async def _allowed(self, url: str) -> None:
        try:
            await self.check(url)
        except EgressRefused as error:
            raise error.of("url") from error

    async def remove(self, tenant: str, actor: str, endpoint_id: str) -> None:
        """Raises UnknownId."""
        _there(await self.store.remove(tenant, endpoint_id, actor), endpoint_id)

    async def rotate(self, tenant: str, actor: str, endpoint_id: str, promise: Promise) -> Endpoint:
        """A new secret, beside which the former one signs for a while."""
        key = promise({}, None)
        return _there(
            await self.store.rotate(tenant, endpoint_id, self.overlap_seconds, actor, key), endpoint_id
        )

    async def enable(self, tenant: str, actor: str, endpoint_id: str) -> Endpoint:
        """Send to it again; one that is enabled stays so."""
        return _there(await self.store.enable(tenant, endpoint_id, actor), endpoint_id)

    async def test(self, tenant: str, endpoint_id: str, promise: Promise) -> Delivery:
        """Send it a message of no job; raises StateConflict for a disabled one."""
        endpoint = _enabled(await self.get(tenant, endpoint_id))
        data = {"endpoint": endpoint.id, "message": "This is a test."}
        message = Message(tenant, message_id(), TEST, 0.0, data=data)
        return await self.store.post(message, endpoint, promise({}, None))

    async def secrets(self, tenant: str) -> Sequence[Secret]:
        """What signs for the URLs of jobs, newest first."""
        return await self.store.secrets(tenant)

    async def rotate_secrets(self, tenant: str, actor: str, promise: Promise) -> Sequence[Secret]:
        """As ``rotate``, for the URLs of jobs."""
        return await self.store.rotate_secrets(tenant, self.overlap_seconds, actor, promise({}, None))

    async def deliveries(
        self, tenant: str, where: DeliveryFilter, limit: int, cursor: str | None
    ) -> Page[Delivery]:
        """Newest first; raises MalformedRequest for a cursor that is not ours."""
        return await self.store.deliveries(tenant, where, limit, cursor)

    async def delivery(self, tenant: str, delivery_id: str) -> tuple[Delivery, Message, Sequence[Attempt]]:
        """One with its message and every try; raises UnknownId."""
        found = await self.store.delivery(tenant, delivery_id)
        if found is None:
            raise _unknown("delivery", delivery_id)
        return found

    async def redeliver(self, tenant: str, delivery_id: str, promise: Promise) -> Delivery:
        """Send it again now; raises UnknownId, and StateConflict where nothing is sent to its endpoint."""
        delivery, _, _ = await self.delivery(tenant, delivery_id)
        if delivery.endpoint_id is not None:
            endpoint = await self.store.endpoint(tenant, delivery.endpoint_id)
            if endpoint is None:
                raise StateConflict("its endpoint was removed", code="endpoint_removed")
            _enabled(endpoint)
        again = await self.store.redeliver(tenant, delivery_id, promise({}, None))
        if again is None:
            raise _unknown("delivery", delivery_id)
        return again

    async def redeliver_since(
        self, tenant: str, endpoint_id: str, since: float, state: DeliveryState | None, promise: Promise
    ) -> int:
        """Send an endpoint again what ended and was created since then; answers how many."""
        _enabled(await self.get(tenant, endpoint_id))
        sent, key = Resent(), promise({"since": since, "status": state}, None)
        while not sent.done:
            sent = await self.store.redeliver_since(
                tenant, endpoint_id, since, state, sent, REDELIVERED_AT_ONCE, key
            )
        return sent.count


def _read(given: Mapping[str, Any]) -> dict[str, Any]:
    problems = [
        Problem(f"there is no field {name!r}", name, allowed=", ".join(FIELDS))
        for name in given
        if name not in FIELDS
    ]
    facts: dict[str, Any] = {}
    if "url" in given:
        facts["url"] = given["url"]
        if not isinstance(given["url"], str):
            problems.append(Problem("url must be a string", "url", allowed="an https URL"))
    if given.get("events") is not None:
        facts["events"] = _events(given["events"], problems)
    if "description" in given:
        facts["description"] = given["description"]
        if not (given["description"] is None or _is_text(given["description"], MAX_DESCRIPTION)):
            allowed = f"at most {MAX_DESCRIPTION} characters"
            problems.append(Problem(f"description must be {allowed}", "description", allowed=allowed))
    if problems:
        raise InvalidRequest(problems)
    return facts


def _events(given: object, problems: list[Problem]) -> Sequence[str]:
    allowed = ", ".join(EVENTS)
    if not isinstance(given, list) or not given:
        problems.append(Problem("events must be a list of event types", "events", allowed=allowed))
        return ()
    problems += [
        Problem(f"there is no event {str(each)[:80]!r}", "events", value=each, allowed=allowed)
        for each in given
        if each not in EVENTS
    ]
    return tuple(event for event in EVENTS if event in given)


def _is_text(given: object, most: int) -> bool:
    return isinstance(given, str) and len(given) <= most


def _there(endpoint: Endpoint | None, endpoint_id: str) -> Endpoint:
    if endpoint is None:
        raise _unknown("webhook", endpoint_id)
    return endpoint


def _enabled(endpoint: Endpoint) -> Endpoint:
    if endpoint.state is EndpointState.DISABLED:
        raise StateConflict(
            f"the endpoint is disabled: {endpoint.reason}; enable it first",
            code="endpoint_disabled",
            state=endpoint.state.value,
        )
    return endpoint


def _unknown(what: str, given: str) -> UnknownId:
    return UnknownId(f"there is no such {what}", id=given)
