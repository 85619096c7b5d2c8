"""Endpoints, and what is told to them in the transaction of what happened."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from harness.book import DAY, LEASE, Open, Time, claimed, job, known, output, queued
from pixelflow.domain.errors import InvalidRequest, MalformedRequest, StateConflict
from pixelflow.domain.job import Completion, Failure, JobState, Remote
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
    Parcel,
    Secret,
    Verdict,
    endpoint_id,
    message_id,
)
from pixelflow.ports.book import Book
from pixelflow.ports.store import IdempotencyKey
from pixelflow.ports.webhooks import DeliveryFilter, Lane, Resent

PENDING, DELIVERED, DEAD = DeliveryState
SENT = Verdict(DELIVERED)
OWN_URL = "https://client.example/hook?job=1"
FOREVER = 1e9


def endpoint(tenant: str = "local", events: Sequence[str] = EVENTS, **facts: Any) -> Endpoint:
    secret = Secret(new_secret())
    return Endpoint(tenant, endpoint_id(), "https://receiver.example/hooks", events, (secret,), **facts)


async def added(store: Book, tenant: str = "local", events: Sequence[str] = EVENTS) -> Endpoint:
    return await store.webhooks.add(endpoint(tenant, events), 10)


async def taken(
    store: Book, limit: int = 100, lane_limit: int = 100, held: dict[Lane, int] | None = None
) -> Sequence[Parcel]:
    return (await store.webhooks.claim("me", LEASE, limit, lane_limit, held or {})).parcels


async def told(store: Book) -> list[str]:
    """The kinds of what is due, in order."""
    return [parcel.message.kind for parcel in await taken(store)]


async def listed(store: Book, **where: Any) -> list[Delivery]:
    return [*(await store.webhooks.deliveries("local", DeliveryFilter(**where), 100, None)).items]


async def concluded(
    store: Book, parcel: Parcel, verdict: Verdict, status: int | None = 200, disable_seconds: float = DAY
) -> Endpoint | None:
    attempt = Attempt(parcel.delivery.attempts + 1, 5.0, 0.25, status, None, {"a": "b"}, {"c": "d"})
    return await store.webhooks.conclude(parcel, attempt, verdict, disable_seconds)


class TestEndpoints:
    async def test_they_are_kept_as_they_were_added(self, store: Book, time: Time) -> None:
        new = endpoint(description="für ☃", events=("job.failed",))
        made = await store.webhooks.add(new, 10)
        assert made == replace(new, created_at=time())
        assert await store.webhooks.endpoint("local", made.id) == made
        assert await store.webhooks.endpoint("other", made.id) is None
        second = await added(store)
        await added(store, "other")
        assert await store.webhooks.endpoints("local") == [second, made]

    async def test_a_tenant_has_no_more_than_it_may(self, store: Book) -> None:
        await store.webhooks.add(endpoint(), 1)
        with pytest.raises(StateConflict, match="WEBHOOK_ENDPOINTS"):
            await store.webhooks.add(endpoint(), 1)
        await store.webhooks.add(endpoint("other"), 1)

    async def test_a_key_makes_one(self, store: Book) -> None:
        key = IdempotencyKey("k", "same")
        made = await store.webhooks.add(endpoint(), 10, key)
        assert await store.webhooks.add(endpoint(), 10, key) == made
        assert len(await store.webhooks.endpoints("local")) == 1
        with pytest.raises(InvalidRequest, match="another request"):
            await store.webhooks.add(endpoint(), 10, IdempotencyKey("k", "other"))

    async def test_they_are_changed_and_removed_by_their_tenant_only(self, store: Book) -> None:
        made = await added(store)
        changed = replace(made, url="https://new.example/", events=("job.failed",), description="x")
        assert await store.webhooks.change(changed) == changed
        foreign = replace(changed, tenant="other")
        assert await store.webhooks.change(foreign) is None
        assert await store.webhooks.rotate("other", made.id, 5) is None
        assert await store.webhooks.enable("other", made.id) is None
        assert await store.webhooks.remove("other", made.id) is None
        assert await store.webhooks.remove("local", made.id) == changed
        assert await store.webhooks.remove("local", made.id) is None

    async def test_a_rotation_leaves_the_former_secret_for_a_while(self, store: Book, time: Time) -> None:
        made = await added(store)
        rotated = await store.webhooks.rotate("local", made.id, 60)
        assert rotated is not None
        new, former = rotated.secrets
        assert former == replace(made.secrets[0], until=time() + 60)
        assert new.until is None
        await store.cancel("local", (await queued(store)).id)
        await store.cancel("local", (await queued(store)).id)
        [both] = await taken(store, 1)
        assert both.secrets == [new.text, former.text]
        time.now += 61
        late = (await taken(store))[-1]
        assert late.secrets == [new.text]
        again = await store.webhooks.rotate("local", made.id, 60)
        assert again is not None
        assert [each.text for each in again.secrets][1:] == [new.text]


class TestTheAuditLog:
    async def test_it_has_a_line_for_every_change_and_no_secret(self, store: Book) -> None:
        hooks = store.webhooks
        made = await hooks.add(replace(endpoint(), url="https://a.example/?token=t1"), 10, None, "alice")
        await hooks.change(replace(made, events=("job.failed",)), "alice")
        await hooks.rotate("local", made.id, 60, "bob")
        await hooks.rotate_secrets("local", 60, "bob")
        await store.cancel("local", (await queued(store)).id)
        await hooks.change(made)
        await store.cancel("local", (await queued(store)).id)
        [parcel] = await taken(store)
        await concluded(store, parcel, Verdict(DEAD, gone=True), 410)
        await hooks.enable("local", made.id, "bob")
        await hooks.remove("local", made.id, "bob")
        lines = (await store.audit.page("local", 100)).items[::-1]
        assert [(line.actor, line.action) for line in lines] == [
            ("alice", "webhook.added"),
            ("alice", "webhook.changed"),
            ("bob", "webhook.secret_rotated"),
            ("bob", "webhook.secret_rotated"),
            ("keeper", "webhook.changed"),
            ("keeper", "webhook.disabled"),
            ("bob", "webhook.enabled"),
            ("bob", "webhook.removed"),
        ]
        assert {line.subject for line in lines} == {made.id, "local"}
        assert "whsec_" not in repr(lines)
        assert "t1" not in repr(lines)


class TestTheTenantsSecret:
    async def test_it_is_made_once_and_signs_for_the_urls_of_jobs(self, store: Book, time: Time) -> None:
        [secret] = await store.webhooks.secrets("local")
        assert await store.webhooks.secrets("local") == (secret,)
        assert await store.webhooks.secrets("other") != (secret,)
        new, former = await store.webhooks.rotate_secrets("local", 60)
        assert former == replace(secret, until=time() + 60)
        await store.cancel("local", (await queued(store, webhook_url=OWN_URL)).id)
        [parcel] = await taken(store)
        assert parcel.secrets == [new.text, former.text]

    async def test_the_first_delivery_makes_it(self, store: Book) -> None:
        await store.cancel("local", (await queued(store, webhook_url=OWN_URL)).id)
        [parcel] = await taken(store)
        assert parcel.secrets == [(await store.webhooks.secrets("local"))[0].text]


class TestMessages:
    async def test_nobody_to_tell_means_no_message(self, store: Book) -> None:
        await added(store, "other")
        await store.cancel("local", (await queued(store)).id)
        assert await listed(store) == []
        assert (await store.webhooks.claim("me", LEASE, 9, 9, {})).next_at is None

    async def test_the_job_is_told_of_as_it_was(self, store: Book, time: Time) -> None:
        where = await added(store)
        secret = Remote("https://pictures.example/1", {"authorization": "Bearer x"})
        created = await queued(store, metadata={"order": 12}, remote=secret)
        failed = await store.finish(
            (await claimed(store)).claim, Completion(failure=Failure("corrupt", "no"))
        )
        assert failed is not None
        await store.retry("local", created.id)
        [parcel] = await taken(store)
        message, delivery = parcel.message, parcel.delivery
        shown = replace(failed, remote=replace(secret, headers={}), owner=None, lease_until=None)
        assert message.job == shown
        assert (message.kind, message.at, message.sequence) == ("job.failed", time(), failed.sequence)
        assert (delivery.url, delivery.endpoint_id, delivery.job_id) == (where.url, where.id, created.id)
        assert parcel.secrets == [where.secrets[0].text]

    async def test_each_end_has_its_kind_and_a_quarantined_job_has_failed(
        self, store: Book, time: Time
    ) -> None:
        await added(store)
        for _ in range(4):
            await queued(store)
        done, lost, crashed = await store.claim("worker", LEASE, 3)
        await store.finish(done.claim, Completion())
        await store.finish(lost.claim, Completion(failure=Failure("corrupt", "no")))
        for _ in range(3):
            await store.crashed(crashed.claim, Failure("crash", "signal 11"))
            [crashed] = [one for one in await store.claim("worker", LEASE, 9) if one.id == crashed.id] or [
                crashed
            ]
        assert (await known(store, crashed)).state is JobState.QUARANTINED
        await store.create(job(state=JobState.AWAITING_UPLOAD))
        time.now += 10
        await store.expire_uploads(5, 10)
        parcels = await taken(store)
        assert [(one.message.kind, one.message.job and one.message.job.state) for one in parcels] == [
            ("job.completed", "completed"),
            ("job.failed", "failed"),
            ("job.failed", "quarantined"),
            ("job.failed", "failed"),
        ]

    async def test_an_endpoint_is_told_what_it_asked_for(self, store: Book) -> None:
        failures, outputs = (
            await added(store, events=("job.failed",)),
            await added(store, events=("output.ready",)),
        )
        await queued(store)
        running = await claimed(store)
        noted = await store.announce(running.claim, [output(running, "one")])
        assert noted is not None
        await store.finish(running.claim, Completion((*noted.outputs, output(running, "two"))))
        parcels = await taken(store)
        assert [(one.delivery.endpoint_id, one.message.output) for one in parcels] == [
            (outputs.id, "one"),
            (outputs.id, "two"),
        ]
        assert await listed(store, endpoint_id=failures.id) == []

    async def test_a_jobs_own_url_is_told_every_end_and_nothing_else(self, store: Book) -> None:
        created = await queued(store, webhook_url=OWN_URL)
        running = await claimed(store)
        await store.announce(running.claim, [output(running)])
        await store.cancel("local", created.id)
        await store.retry("local", created.id)
        await store.finish((await claimed(store)).claim, Completion())
        parcels = await taken(store)
        assert [one.message.kind for one in parcels] == ["job.cancelled", "job.completed"]
        assert {one.delivery.url for one in parcels} == {OWN_URL}
        assert {one.delivery.lane for one in parcels} == {"https://client.example"}

    async def test_one_message_has_one_id_for_all_receivers(self, store: Book) -> None:
        await added(store)
        await added(store)
        await store.cancel("local", (await queued(store, webhook_url=OWN_URL)).id)
        parcels = await taken(store)
        assert len({one.message.id for one in parcels}) == 1
        assert len({one.delivery.id for one in parcels}) == 3

    async def test_a_deleted_job_takes_them_along(self, store: Book) -> None:
        await added(store)
        created, other = await queued(store), await queued(store)
        await store.cancel("local", created.id)
        await store.cancel("local", other.id)
        first, _ = await taken(store)
        await concluded(store, first, SENT)
        await store.delete("local", created.id)
        assert await store.webhooks.delivery("local", first.delivery.id) is None
        assert [one.job_id for one in await listed(store)] == [other.id]
        assert (await store.webhooks.backlog()).pending == 1
        assert await concluded(store, first, SENT) is None

    async def test_a_test_goes_to_one_endpoint(self, store: Book) -> None:
        await added(store)
        where = await added(store)
        sent = await store.webhooks.post(Message("local", message_id(), TEST, 0.0, data={"a": 1}), where)
        [parcel] = await taken(store)
        assert (parcel.delivery.id, parcel.delivery.endpoint_id) == (sent.id, where.id)
        assert (parcel.message.kind, parcel.message.data) == (TEST, {"a": 1})


class TestClaims:
    async def some(self, store: Book, count: int, **facts: Any) -> None:
        for _ in range(count):
            await store.cancel("local", (await queued(store, **facts)).id)

    async def test_what_is_held_comes_to_nobody_else_until_the_lease_is_over(
        self, store: Book, time: Time
    ) -> None:
        await added(store)
        await self.some(store, 1)
        [first] = await taken(store)
        again = await store.webhooks.claim("other", LEASE, 9, 9, {})
        assert (again.parcels, again.next_at) == ([], time() + LEASE)
        time.now += LEASE
        [second] = await taken(store)
        assert (second.message, second.delivery.id) == (first.message, first.delivery.id)
        assert await concluded(store, first, SENT) is None
        assert (await listed(store))[0].state is PENDING, "the lease was lost"
        await concluded(store, second, SENT)
        assert (await listed(store))[0].state is DELIVERED

    async def test_a_store_that_is_opened_again_holds_nothing(self, reopen: Open) -> None:
        store = await reopen()
        await added(store)
        await self.some(store, 1)
        [held] = await taken(store)
        await store.close()
        store = await reopen()
        [again] = await taken(store)
        await store.close()
        assert again.message == held.message

    async def test_what_is_released_is_due_at_once(self, store: Book) -> None:
        await added(store)
        await self.some(store, 2)
        held = await taken(store)
        await store.webhooks.release(held)
        assert [one.message for one in await taken(store)] == [one.message for one in held]

    async def test_two_claims_of_one_moment_are_two(self, store: Book) -> None:
        await added(store)
        await self.some(store, 1)
        [first] = await taken(store)
        await store.webhooks.release([first])
        [second] = await taken(store)
        assert second.lease_until == first.lease_until
        await store.webhooks.release([first])
        assert await taken(store) == [], "the second still holds it"
        await concluded(store, second, SENT)
        assert (await listed(store))[0].state is DELIVERED

    async def test_a_full_receiver_stands_in_nobodys_way(self, store: Book, time: Time) -> None:
        slow = await added(store)
        await self.some(store, 50)
        time.now += 1
        await self.some(store, 1, webhook_url=OWN_URL)
        claimed = await store.webhooks.claim("me", LEASE, 10, 3, {})
        lanes = [one.delivery.lane for one in claimed.parcels]
        assert lanes == [slow.id] * 3 + ["https://client.example"]
        more = await store.webhooks.claim("me", LEASE, 10, 3, {("local", slow.id): 3})
        assert more.parcels == []
        assert more.next_at == time() + LEASE, "only the other receiver has a say"
        [one] = await taken(store, 10, 3, {("local", slow.id): 2})
        assert one.delivery.lane == slow.id

    async def test_no_more_than_asked_for(self, store: Book) -> None:
        await added(store)
        await added(store)
        await self.some(store, 3)
        assert len(await taken(store, 4, 3)) == 4
        assert len(await taken(store, 4, 3)) == 2

    async def test_the_next_time_is_that_of_the_first_that_is_due(self, store: Book, time: Time) -> None:
        await added(store)
        await self.some(store, 2)
        one, two = await taken(store)
        await concluded(store, one, Verdict(PENDING, 300.0), 500)
        await concluded(store, two, Verdict(PENDING, 5.0), None)
        claimed = await store.webhooks.claim("me", LEASE, 9, 9, {})
        assert (claimed.parcels, claimed.next_at) == ([], time() + 5)
        time.now += 5
        [again] = await taken(store)
        assert (again.delivery.id, again.delivery.attempts) == (two.delivery.id, 1)

    async def test_news_comes_after_the_commit(self, store: Book) -> None:
        rings: list[int] = []
        store.webhooks.on_due(lambda: rings.append(1))
        await self.some(store, 1)
        assert rings == []
        await added(store)
        await self.some(store, 1)
        assert rings == [1]

    async def test_the_backlog_counts_and_tells_the_age_of_what_is_due(self, store: Book, time: Time) -> None:
        await added(store)
        await self.some(store, 3)
        time.now += 7
        backlog = await store.webhooks.backlog()
        assert (backlog.pending, backlog.lag_seconds) == (3, 7)
        one, two, three = await taken(store)
        await concluded(store, one, SENT)
        await concluded(store, two, Verdict(DEAD), 500)
        await concluded(store, three, Verdict(PENDING, 60.0), 500)
        backlog = await store.webhooks.backlog()
        assert (backlog.pending, backlog.lag_seconds) == (1, 0)


class TestOutcomes:
    async def one(self, store: Book, **facts: Any) -> Parcel:
        await store.cancel("local", (await queued(store, **facts)).id)
        return (await taken(store))[-1]

    async def test_every_try_is_kept(self, store: Book, time: Time) -> None:
        await added(store)
        first = await self.one(store)
        await concluded(store, first, Verdict(PENDING, 5.0), 500)
        time.now += 5
        [second] = await taken(store)
        await concluded(store, second, SENT, 204)
        found = await store.webhooks.delivery("local", first.delivery.id)
        assert found is not None
        delivery, message, attempts = found
        assert message == first.message
        assert (delivery.state, delivery.attempts, delivery.status, delivery.ended_at) == (
            DELIVERED,
            2,
            204,
            time(),
        )
        assert [(one.number, one.status, one.request, one.answer) for one in attempts] == [
            (1, 500, {"a": "b"}, {"c": "d"}),
            (2, 204, {"a": "b"}, {"c": "d"}),
        ]
        assert await store.webhooks.delivery("other", first.delivery.id) is None

    async def test_who_is_gone_is_disabled_and_what_waits_is_kept_dead(self, store: Book) -> None:
        where = await added(store)
        gone = await self.one(store)
        waiting = await self.one(store)
        await store.webhooks.release([waiting])
        disabled = await concluded(store, gone, Verdict(DEAD, gone=True), 410)
        assert disabled is not None
        assert (disabled.id, disabled.state) == (where.id, EndpointState.DISABLED)
        assert "410" in (disabled.reason or "")
        assert await taken(store) == []
        await store.cancel("local", (await queued(store)).id)
        assert [one.state for one in await listed(store)] == [DEAD] * 3
        assert all("410" in (one.error or "") for one in (await listed(store))[:2])
        enabled = await store.webhooks.enable("local", where.id)
        assert enabled == where
        await store.webhooks.redeliver_since("local", where.id, 0, DEAD, Resent(), 10)
        assert len(await taken(store)) == 3

    async def test_failures_only_for_long_disable_and_one_success_is_enough_not_to(
        self, store: Book, time: Time
    ) -> None:
        await added(store)
        assert await concluded(store, await self.one(store), Verdict(PENDING, DAY), 500, 60) is None
        time.now += 59
        assert await concluded(store, await self.one(store), SENT, 200, 60) is None
        assert await concluded(store, await self.one(store), Verdict(PENDING, DAY), 500, 60) is None
        time.now += 60
        disabled = await concluded(store, await self.one(store), Verdict(PENDING, DAY), 500, 60)
        assert disabled is not None
        assert "60 s" in (disabled.reason or "")

    async def test_what_goes_to_a_removed_endpoint_ends(self, store: Book) -> None:
        where = await added(store)
        parcel = await self.one(store)
        await store.webhooks.release([parcel])
        await store.webhooks.remove("local", where.id)
        assert await taken(store) == []
        [delivery] = await listed(store, endpoint_id=where.id)
        assert (delivery.state, delivery.error) == (DEAD, "the endpoint was removed")

    async def test_an_endpoints_new_url_holds_for_what_waits(self, store: Book) -> None:
        where = await added(store)
        parcel = await self.one(store)
        await store.webhooks.release([parcel])
        await store.webhooks.change(replace(where, url="https://new.example/"))
        [again] = await taken(store)
        assert again.delivery.url == "https://new.example/"

    async def test_one_is_sent_again_with_the_whole_schedule_before_it(self, store: Book) -> None:
        await added(store)
        parcel = await self.one(store)
        await concluded(store, parcel, Verdict(DEAD), 500)
        again = await store.webhooks.redeliver("local", parcel.delivery.id)
        assert again is not None
        assert (again.state, again.attempts, again.earlier) == (PENDING, 1, 1)
        [sent] = await taken(store)
        assert sent.message == parcel.message
        await concluded(store, sent, SENT)
        assert await store.webhooks.redeliver("other", parcel.delivery.id) is None

    async def test_one_that_waits_is_hastened_and_one_in_hand_left_alone(
        self, store: Book, time: Time
    ) -> None:
        await added(store)
        parcel = await self.one(store)
        held = await store.webhooks.redeliver("local", parcel.delivery.id)
        assert held is not None
        assert held.next_at == parcel.lease_until
        await concluded(store, parcel, Verdict(PENDING, DAY), 500)
        hastened = await store.webhooks.redeliver("local", parcel.delivery.id)
        assert hastened is not None
        assert (hastened.next_at, hastened.earlier) == (time(), 0)
        assert len(await taken(store)) == 1

    async def test_since_a_time_all_or_the_dead_are_sent_again(self, store: Book, time: Time) -> None:
        where = await added(store)
        await concluded(store, await self.one(store), SENT)
        time.now += 10
        since = time()
        late = [await self.one(store), await self.one(store)]
        await concluded(store, late[0], SENT)
        await concluded(store, late[1], Verdict(DEAD), 500)
        again, ids = store.webhooks.redeliver_since, [each.delivery.id for each in late]
        assert await again("local", where.id, since, DEAD, Resent(), 10) == Resent(1, ids[1], True)
        assert await again("other", where.id, since, None, Resent(), 10) == Resent(done=True)
        first = await again("local", where.id, 0, None, Resent(), 1)
        second = await again("local", where.id, 0, None, first, 1)
        assert (first.count, first.done, first.after < ids[0]) == (1, False, True)
        assert second == Resent(2, ids[0])
        assert await again("local", where.id, 0, None, second, 1) == Resent(2, ids[0], True)
        assert len(await taken(store)) == 3

    async def test_a_key_sends_again_once(self, store: Book) -> None:
        where = await added(store)
        parcel = await self.one(store)
        await concluded(store, parcel, SENT)
        hooks, key = store.webhooks, IdempotencyKey("k", "f")
        many = [await hooks.redeliver_since("local", where.id, 0, None, Resent(), 10, key)]
        await concluded(store, (await taken(store))[0], SENT)
        many.append(await hooks.redeliver_since("local", where.id, 0, None, Resent(), 10, key))
        assert [(each.count, each.done) for each in many] == [(1, True)] * 2
        assert await taken(store) == []
        key = IdempotencyKey("l", "f")
        await hooks.redeliver("local", parcel.delivery.id, key)
        await concluded(store, (await taken(store))[0], SENT)
        again = await hooks.redeliver("local", parcel.delivery.id, key)
        assert again is not None
        assert again.state is DELIVERED
        assert await taken(store) == []
        with pytest.raises(InvalidRequest):
            await hooks.redeliver("local", parcel.delivery.id, IdempotencyKey("l", "another"))

    async def test_however_often_it_is_rotated_few_secrets_sign(self, store: Book) -> None:
        where = await added(store)
        for _ in range(6):
            rotated = await store.webhooks.rotate("local", where.id, 60)
            assert rotated is not None
            assert len(rotated.secrets) <= 3
            assert len(await store.webhooks.rotate_secrets("local", 60)) <= 3

    async def test_a_key_makes_one_test_and_one_secret(self, store: Book) -> None:
        where = await added(store)
        hooks, key = store.webhooks, IdempotencyKey("k", "f")
        two = [
            await hooks.post(Message("local", message_id(), TEST, 0.0, data={}), where, key) for _ in range(2)
        ]
        assert two[0].id == two[1].id
        assert len(await listed(store)) == 1
        key = IdempotencyKey("l", "f")
        assert await hooks.rotate("local", where.id, 60, "bob", key) == await hooks.rotate(
            "local", where.id, 60, "bob", key
        )
        key = IdempotencyKey("m", "f")
        assert await hooks.rotate_secrets("local", 60, "bob", key) == await hooks.rotate_secrets(
            "local", 60, "bob", key
        )


class TestTheLog:
    async def test_it_is_filtered_and_paged_newest_first(self, store: Book) -> None:
        where = await added(store)
        jobs = [await queued(store, webhook_url=OWN_URL) for _ in range(3)]
        for each in jobs:
            await store.cancel("local", each.id)
        for parcel in await taken(store):
            if parcel.delivery.endpoint_id:
                await concluded(store, parcel, SENT)
        whole = await listed(store)
        assert [one.id for one in whole] == sorted((one.id for one in whole), reverse=True)
        assert len(whole) == 6
        assert {one.job_id for one in await listed(store, job_id=jobs[1].id)} == {jobs[1].id}
        assert len(await listed(store, job_id=jobs[1].id, state=PENDING)) == 1
        assert len(await listed(store, endpoint_id=where.id)) == 3
        assert await listed(store, endpoint_id=where.id, state=PENDING) == []
        assert len(await listed(store, state=DELIVERED)) == 3
        pages, cursor = [], None
        while True:
            page = await store.webhooks.deliveries("local", DeliveryFilter(), 4, cursor)
            pages += page.items
            cursor = page.cursor
            if cursor is None:
                break
        assert pages == whole
        assert (await store.webhooks.deliveries("other", DeliveryFilter(), 4, None)).items == []

    @pytest.mark.parametrize("cursor", ["", "x", "dlv_", "dlv_1", "ep_" + "0" * 32, "é" * 50])
    async def test_a_foreign_cursor_is_refused(self, store: Book, cursor: str) -> None:
        with pytest.raises(MalformedRequest):
            await store.webhooks.deliveries("local", DeliveryFilter(), 4, cursor)

    async def test_it_forgets_what_ended_long_ago(self, store: Book, time: Time) -> None:
        await added(store)
        await added(store)
        created = await queued(store)
        await store.cancel("local", created.id)
        one, two = await taken(store)
        await concluded(store, one, SENT)
        time.now += DAY
        assert await store.webhooks.forget(DAY, 10) == 0
        time.now += 1
        await concluded(store, two, Verdict(PENDING, FOREVER), 500)
        assert await store.webhooks.forget(DAY, 10) == 1
        [left] = await listed(store)
        assert left.id == two.delivery.id
        assert await store.webhooks.delivery("local", left.id) is not None, "its message is still there"
