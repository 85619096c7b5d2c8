"""Webhooks in the clients: what came is checked, and who is told is managed."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook as Reference

from harness.receiver import receiving, wait_for
from harness.server import RunningServer, running_server
from pixelflow.client import ApiError, AsyncClient, BadSignature, Client, webhooks
from pixelflow.domain.signature import headers, new_secret

SECRET, OTHER = new_secret(), new_secret()
BODY = '{"type": "job.completed", "data": {"id": "größer"}}'.encode()


def signed(*secrets: str, at: float | None = None) -> dict[str, str]:
    return dict(headers(secrets, "msg_1", int(time.time() if at is None else at), BODY))


class TestVerifying:
    def test_what_was_signed_is_given_as_it_was_meant(self) -> None:
        payload = {"type": "job.completed", "data": {"id": "größer"}}
        assert webhooks.verify(BODY, signed(SECRET), SECRET) == payload
        assert webhooks.verify(BODY.decode(), signed(SECRET), SECRET) == payload
        shouted = {name.title(): value for name, value in signed(SECRET).items()}
        assert webhooks.verify(BODY, shouted, SECRET) == payload

    def test_it_agrees_with_the_reference(self) -> None:
        assert Reference(SECRET).verify(BODY, signed(SECRET)) == webhooks.verify(BODY, signed(SECRET), SECRET)
        now = datetime.now(UTC)
        theirs = {
            "webhook-id": "msg_2",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Reference(SECRET).sign("msg_2", now, BODY.decode()),
        }
        assert webhooks.verify(BODY, theirs, SECRET)

    def test_during_a_rotation_either_secret_does_on_either_side(self) -> None:
        both = signed(SECRET, OTHER)
        assert webhooks.verify(BODY, both, SECRET)
        assert webhooks.verify(BODY, both, OTHER)
        assert webhooks.verify(BODY, signed(OTHER), [SECRET, OTHER])

    @pytest.mark.parametrize("away", [-301, 301])
    def test_an_old_or_a_future_one_is_refused(self, away: float) -> None:
        with pytest.raises(BadSignature, match="300 s"):
            webhooks.verify(BODY, signed(SECRET, at=time.time() + away), SECRET)
        assert webhooks.verify(BODY, signed(SECRET, at=time.time() + away), SECRET, tolerance_seconds=400)

    def test_anything_else_is_refused(self) -> None:
        good = signed(SECRET)
        for name in good:
            with pytest.raises(BadSignature, match=name):
                webhooks.verify(BODY, {key: value for key, value in good.items() if key != name}, SECRET)
        for changed in (
            {"webhook-id": "msg_2"},
            {"webhook-timestamp": str(int(good["webhook-timestamp"]) - 1)},
            {"webhook-timestamp": "now"},
            {"webhook-signature": good["webhook-signature"].replace("v1,", "v2,")},
            {"webhook-signature": "v1,größer"},
            {"webhook-signature": "v1,"},
        ):
            with pytest.raises(BadSignature):
                webhooks.verify(BODY, {**good, **changed}, SECRET)
        with pytest.raises(BadSignature):
            webhooks.verify(BODY + b" ", good, SECRET)
        with pytest.raises(BadSignature):
            webhooks.verify(BODY, good, OTHER)

    @pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!", "größer"])
    def test_what_is_no_secret_is_said(self, secret: str) -> None:
        with pytest.raises(ValueError):
            webhooks.verify(BODY, signed(SECRET), secret)


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that may call this machine."""
    with running_server(tmp_path_factory.mktemp("near"), EGRESS_ALLOW="127.0.0.1/32") as running:
        yield running


def test_an_endpoints_life(near: RunningServer, picture: bytes, thumb: list[dict[str, object]]) -> None:
    begun = datetime.now(UTC) - timedelta(minutes=1)
    with receiving() as receiver, Client(near.url) as client:
        hooks = client.webhooks
        made = hooks.add(receiver.url, events=["job.completed"], description="shop")
        assert made.secret
        receiver.secret = made.secret
        assert made.secret not in repr(made)
        assert hooks.get(made.id).secret is None
        assert made.id in [each.id for each in hooks.list()]
        job = client.submit(picture, thumb).result().job
        [payload] = receiver.wait(1)
        assert (payload["type"], payload["data"]["id"]) == ("job.completed", job.id)
        [sent] = wait_for(lambda: list(hooks.deliveries(job_id=job.id, status="delivered")))
        whole = hooks.delivery(sent.id)
        assert (whole.payload, whole.tries[0].response_status, whole.tries[0].number) == (payload, 204, 1)
        hooks.redeliver(sent.id)
        receiver.wait(2)
        wait_for(lambda: hooks.delivery(sent.id).attempts == 2)
        assert hooks.redeliver_since(made.id, begun, status="delivered") == 1
        assert receiver.wait(3)
        rotated = hooks.rotate(made.id)
        assert rotated.secret
        assert rotated.former_secret_until
        receiver.secret = rotated.secret
        hooks.test(made.id)
        assert receiver.wait(4)[3]["type"] == "webhook.test"
        assert hooks.change(made.id, events=["job.failed"]).events == ["job.failed"]
        assert hooks.enable(made.id).status == "enabled"
        assert hooks.rotate_secret().secret == hooks.secret().secret
        hooks.remove(made.id)
        with pytest.raises(ApiError, match="no such webhook"):
            hooks.get(made.id)
        assert receiver.forged == []


def test_the_same_with_asyncio(near: RunningServer, tmp_path: Path) -> None:
    async def life(url: str) -> None:
        async with AsyncClient(near.url) as client:
            hooks = client.webhooks
            made = await hooks.add(url)
            assert [each.id for each in await hooks.list()] == [made.id]
            sent = await hooks.test(made.id)
            assert [each.id async for each in hooks.deliveries(webhook_id=made.id)] == [sent.id]
            assert (await hooks.delivery(sent.id)).payload["type"] == "webhook.test"
            await hooks.remove(made.id)

    with receiving() as receiver:
        asyncio.run(life(receiver.url))
