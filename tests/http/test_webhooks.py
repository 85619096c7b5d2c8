"""Endpoints, deliveries and secrets over HTTP, with receivers that verify."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from harness.elsewhere import Reply
from harness.receiver import Receiver, receiving, wait_for
from harness.site import PIPELINE, Site, served
from pixelflow.domain.job import Failure
from pixelflow.domain.webhook import EVENTS
from pixelflow.http.shapes import webhooks as shapes
from pixelflow.http.shapes.problems import Problem

if TYPE_CHECKING:
    from pydantic import BaseModel

HOOKS = "/v1/webhooks"
OTHER = {"x-tenant": "other"}


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that may call this machine."""
    with served(tmp_path_factory.mktemp("near"), egress_allow=["127.0.0.1/32"]) as found:
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def registered(site: Site, receiver: Receiver, **more: Any) -> dict[str, Any]:
    """An endpoint that is the receiver; all others are removed."""
    for each in site.client.get(HOOKS).json()["items"]:
        assert site.client.delete(f"{HOOKS}/{each['id']}").status_code == 204
    answer = site.client.post(HOOKS, json={"url": receiver.url, **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    receiver.secret = found["secret"]
    return found


def delivered(site: Site, **where: str) -> list[dict[str, Any]]:
    """The log, once nothing in it waits for its first try."""

    def log() -> list[dict[str, Any]] | None:
        items = site.client.get(f"{HOOKS}/deliveries", params=where).json()["items"]
        return items if items and all(each["attempts"] for each in items) else None

    found: list[dict[str, Any]] = wait_for(log)
    return found


class TestRegistration:
    def test_the_secret_is_shown_once(self, site: Site) -> None:
        body = {"url": "https://client.example/hook", "events": ["job.failed"], "description": "shop"}
        made = site.client.post(HOOKS, json=body)
        assert made.status_code == 201
        found = made.json()
        assert found["secret"].startswith("whsec_")
        assert made.headers["location"] == f"{HOOKS}/{found['id']}"
        shown = site.client.get(made.headers["location"]).json()
        assert shown == {k: v for k, v in found.items() if k not in {"secret", "former_secret_until"}}
        assert {name: shown[name] for name in body} == body
        assert shown in site.client.get(HOOKS).json()["items"]
        assert found["secret"] not in site.client.get(HOOKS).text

    def test_without_events_it_is_told_all(self, site: Site) -> None:
        made = site.client.post(HOOKS, json={"url": "https://client.example/hook"}).json()
        assert made["events"] == list(EVENTS)

    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1:9/hook",
            "https://127.0.0.1/hook",
            "https://10.0.0.1/hook",
            "https://[::1]/hook",
            "https://[::ffff:10.0.0.1]/hook",
            "https://169.254.169.254/latest",
            "https://user:password@client.example/hook",
            "ftp://client.example/hook",
            "https://93.184.216.34:8443/hook",
            "http://93.184.216.34/hook",
            "client.example",
            "https://xn--/hook",
            "",
        ],
    )
    def test_a_url_that_is_not_sent_to_is_refused_here_and_for_a_job(self, site: Site, url: str) -> None:
        before = site.client.get(HOOKS).json()
        answer = site.client.post(HOOKS, json={"url": url})
        assert (answer.status_code, answer.json()["code"]) == (422, "egress_refused"), answer.text
        assert answer.json()["field"] == "url"
        assert "password" not in answer.text
        job = site.client.post("/v1/jobs", json={"pipeline": PIPELINE, "webhook_url": url})
        assert (job.status_code, job.json()["code"] in {"egress_refused", "invalid"}) == (422, True)
        assert "webhook_url" in (job.json().get("field"), job.json().get("errors", [{}])[0].get("field"))
        assert "password" not in job.text
        assert site.client.get(HOOKS).json() == before

    def test_a_change_is_checked_too(self, site: Site) -> None:
        path = f"{HOOKS}/{site.client.post(HOOKS, json={'url': 'https://client.example/'}).json()['id']}"
        assert site.client.patch(path, json={"url": "https://10.0.0.1/"}).status_code == 422
        assert site.client.patch(path, json={"events": []}).status_code == 422
        changed = site.client.patch(path, json={"events": ["job.failed"], "description": "x"}).json()
        assert (changed["events"], changed["description"]) == (["job.failed"], "x")
        assert changed["url"] == "https://client.example/"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "url"),
            ({"url": 7}, "url"),
            ({"url": "https://a.example", "events": ["job.done"]}, "events"),
            ({"url": "https://a.example", "events": "job.failed"}, "events"),
            ({"url": "https://a.example", "events": [["job.failed"]]}, "events"),
            ({"url": "https://a.example", "description": "x" * 501}, "description"),
            ({"url": "https://a.example", "colour": "red"}, "colour"),
        ],
    )
    def test_bad_fields_are_named_with_what_is_allowed(
        self, site: Site, body: dict[str, Any], field: str
    ) -> None:
        answer = site.client.post(HOOKS, json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        [error] = answer.json()["errors"]
        assert error["field"] == field
        if field == "events":
            assert "output.ready" in error["allowed"]

    def test_the_same_request_sent_again_makes_no_second_one(self, site: Site) -> None:
        body, key = {"url": "https://client.example/again"}, {"idempotency-key": "hook-1", **OTHER}
        first = site.client.post(HOOKS, json=body, headers=key)
        second = site.client.post(HOOKS, json=body, headers=key)
        assert first.json() == second.json()
        assert len(site.client.get(HOOKS, headers=OTHER).json()["items"]) == 1
        other = site.client.post(HOOKS, json={"url": "https://client.example/b"}, headers=key)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")

    def test_there_is_a_limit(self, site: Site) -> None:
        many = {"x-tenant": "many"}
        for _ in range(50):
            site.client.post(HOOKS, json={"url": "https://client.example/"}, headers=many)
        answer = site.client.post(HOOKS, json={"url": "https://client.example/"}, headers=many)
        assert (answer.status_code, answer.json()["code"]) == (409, "too_many_endpoints")

    def test_another_tenants_are_unknown(self, near: Site, receiver: Receiver) -> None:
        made = registered(near, receiver)
        near.client.post(f"{HOOKS}/{made['id']}/test")
        [sent] = delivered(near, endpoint=made["id"])
        for method, path in (
            ("GET", made["id"]),
            ("PATCH", made["id"]),
            ("DELETE", made["id"]),
            ("POST", f"{made['id']}/rotate"),
            ("POST", f"{made['id']}/test"),
            ("POST", f"{made['id']}/enable"),
            ("POST", f"{made['id']}/redeliver?since=2026-01-01"),
            ("GET", f"deliveries/{sent['id']}"),
            ("POST", f"deliveries/{sent['id']}/redeliver"),
        ):
            body = {"json": {}} if method == "PATCH" else {}
            answer = near.client.request(method, f"{HOOKS}/{path}", headers=OTHER, **body)
            assert answer.status_code == 404, path
        assert near.client.get(f"{HOOKS}/deliveries", headers=OTHER).json()["items"] == []


class TestDeliveries:
    def test_36_a_receiver_is_told_of_each_output_and_of_the_end(
        self, near: Site, receiver: Receiver, jpeg: bytes, webp: bytes
    ) -> None:
        registered(near, receiver)
        job_id = near.done(jpeg, {"thumb": webp})
        payloads = sorted(receiver.wait(2), key=lambda each: each["type"])
        shown = near.client.get(f"/v1/jobs/{job_id}").json()
        assert [each["type"] for each in payloads] == ["job.completed", "output.ready"]
        assert payloads[0]["data"] == shown
        assert payloads[0]["timestamp"] == shown["finished_at"]
        assert payloads[0]["sequence"] > 0
        assert payloads[1]["data"] == shown["outputs"][0]
        assert receiver.forged == []

    def test_a_jobs_own_url_is_signed_with_the_tenants_secret(
        self, near: Site, receiver: Receiver, jpeg: bytes
    ) -> None:
        receiver.secret = near.client.get(f"{HOOKS}/secret").json()["secret"]
        for each in near.client.get(HOOKS).json()["items"]:
            near.client.delete(f"{HOOKS}/{each['id']}")
        job_id = near.submit(jpeg, webhook_url=receiver.url)
        near.finish(near.claim(job_id).claim, {}, Failure("corrupt", "no"))
        [payload] = receiver.wait(1)
        assert (payload["type"], payload["data"]["error"]["code"]) == ("job.failed", "corrupt")
        [line] = delivered(near, job_id=job_id)
        assert (line["endpoint"], line["url"]) == (None, receiver.url)

    def test_37_a_rotation_signs_with_both_and_then_with_the_new_one(
        self, near: Site, receiver: Receiver
    ) -> None:
        made = registered(near, receiver)
        rotated = near.client.post(f"{HOOKS}/{made['id']}/rotate").json()
        assert rotated["secret"] != made["secret"]
        assert rotated["former_secret_until"] > rotated["created_at"]
        near.client.post(f"{HOOKS}/{made['id']}/test")
        receiver.wait(1)
        receiver.secret = rotated["secret"]
        near.client.post(f"{HOOKS}/{made['id']}/test")
        receiver.wait(2)
        assert receiver.forged == []
        assert len(receiver.there.asked[0].headers["webhook-signature"].split(" ")) == 2
        first = near.client.get(f"{HOOKS}/secret").json()
        second = near.client.post(f"{HOOKS}/secret/rotate").json()
        assert first["secret"] != second["secret"] == near.client.get(f"{HOOKS}/secret").json()["secret"]
        assert second["former_secret_until"] is not None

    def test_a_test_tells_the_heads_of_both_and_no_signature(self, near: Site, receiver: Receiver) -> None:
        made = registered(near, receiver, events=["job.failed"])
        receiver.answer = lambda _: Reply(200, headers={"set-cookie": "session=1", "x-served-by": "me"})
        sent = near.client.post(f"{HOOKS}/{made['id']}/test")
        assert sent.status_code == 202
        [payload] = receiver.wait(1)
        assert payload["type"] == "webhook.test"
        [line] = delivered(near, endpoint=made["id"])
        assert (line["id"], line["status"], line["response_status"]) == (sent.json()["id"], "delivered", 200)
        whole = near.client.get(f"{HOOKS}/deliveries/{line['id']}")
        [attempt] = whole.json()["tries"]
        assert whole.json()["payload"] == payload
        assert attempt["request_headers"]["webhook-id"] == receiver.ids[0]
        assert attempt["response_headers"]["x-served-by"] == "me"
        assert "session=1" not in whole.text
        assert receiver.there.asked[0].headers["webhook-signature"].partition(",")[2] not in whole.text
        assert receiver.secret not in whole.text

    def test_one_is_sent_again_under_the_same_id(self, near: Site, receiver: Receiver) -> None:
        made = registered(near, receiver)
        near.client.post(f"{HOOKS}/{made['id']}/test")
        [line] = delivered(near, endpoint=made["id"])
        assert near.client.post(f"{HOOKS}/deliveries/{line['id']}/redeliver").status_code == 202
        receiver.wait(2)
        assert receiver.ids == [line["message_id"]] * 2

    def test_since_a_time_everything_is_sent_again(self, near: Site, receiver: Receiver) -> None:
        made = registered(near, receiver)
        for _ in range(3):
            near.client.post(f"{HOOKS}/{made['id']}/test")
        receiver.wait(3)
        delivered(near, endpoint=made["id"])
        wait_for(
            lambda: all(
                each["status"] == "delivered"
                for each in near.client.get(f"{HOOKS}/deliveries?endpoint={made['id']}").json()["items"]
            )
        )
        path = f"{HOOKS}/{made['id']}/redeliver"
        for late in ("2999-01-01T00:00:00Z", "2999-01-01T00:00:00 01:00"):
            assert near.client.post(path, params={"since": late}).json() == {"count": 0}
        dead = near.client.post(path, params={"since": made["created_at"], "status": "dead"})
        assert dead.json() == {"count": 0}
        again = near.client.post(path, params={"since": made["created_at"]})
        assert (again.status_code, again.json()) == (202, {"count": 3})
        receiver.wait(6)
        assert sorted(receiver.ids[:3]) == sorted(receiver.ids[3:])

    @pytest.mark.parametrize("since", ["", "yesterday", "2026-13-01", "-1", "9999-12-31T23:59:59-23:59"])
    def test_a_bad_time_or_cursor_is_400(self, near: Site, receiver: Receiver, since: str) -> None:
        made = registered(near, receiver)
        answer = near.client.post(f"{HOOKS}/{made['id']}/redeliver", params={"since": since})
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_time")
        listed = near.client.get(f"{HOOKS}/deliveries", params={"cursor": "x"})
        assert (listed.status_code, listed.json()["code"]) == (400, "invalid_cursor")
        assert near.client.get(f"{HOOKS}/deliveries", params={"status": "lost"}).status_code == 422

    def test_who_is_gone_gets_nothing_until_enabled_and_then_all(
        self, near: Site, receiver: Receiver
    ) -> None:
        made = registered(near, receiver)
        receiver.answer = lambda _: Reply(410)
        near.client.post(f"{HOOKS}/{made['id']}/test")
        receiver.wait(1)

        def endpoint() -> dict[str, Any]:
            found: dict[str, Any] = near.client.get(f"{HOOKS}/{made['id']}").json()
            return found

        wait_for(lambda: endpoint()["status"] == "disabled")
        assert "410" in endpoint()["reason"]
        near.client.post(
            f"/v1/jobs/{near.client.post('/v1/jobs', json={'pipeline': PIPELINE}).json()['id']}/cancel"
        )
        missed = near.client.get(f"{HOOKS}/deliveries", params={"endpoint": made["id"]}).json()["items"][0]
        assert (missed["status"], missed["attempts"], missed["type"]) == ("dead", 0, "job.cancelled")
        refused = near.client.post(f"{HOOKS}/deliveries/{missed['id']}/redeliver")
        assert (refused.status_code, refused.json()["code"]) == (409, "endpoint_disabled")
        assert near.client.post(f"{HOOKS}/{made['id']}/test").status_code == 409
        assert near.client.post(f"{HOOKS}/{made['id']}/redeliver?since=2020-01-01").status_code == 409
        receiver.answer = lambda _: Reply(200)
        assert near.client.post(f"{HOOKS}/{made['id']}/enable").json()["status"] == "enabled"
        again = near.client.post(f"{HOOKS}/{made['id']}/redeliver?since=2020-01-01&status=dead")
        assert again.json() == {"count": 2}
        payloads = receiver.wait(3)
        assert {each["type"] for each in payloads[1:]} == {"webhook.test", "job.cancelled"}


def test_answers_have_the_documented_shapes(near: Site, receiver: Receiver) -> None:
    made = registered(near, receiver)
    sent = near.client.post(f"{HOOKS}/{made['id']}/test")
    delivered(near, endpoint=made["id"])
    checks: list[tuple[type[BaseModel], Any]] = [
        (shapes.EndpointShape, near.client.get(f"{HOOKS}/{made['id']}")),
        (shapes.EndpointShape, near.client.post(f"{HOOKS}/{made['id']}/rotate")),
        (shapes.EndpointPage, near.client.get(HOOKS)),
        (shapes.SecretShape, near.client.get(f"{HOOKS}/secret")),
        (shapes.DeliveryShape, sent),
        (shapes.DeliveryPage, near.client.get(f"{HOOKS}/deliveries")),
        (shapes.DeliveryWhole, near.client.get(f"{HOOKS}/deliveries/{sent.json()['id']}")),
        (shapes.Redelivered, near.client.post(f"{HOOKS}/{made['id']}/redeliver?since=2999-01-01")),
        (Problem, near.client.get(f"{HOOKS}/none")),
    ]
    for shape, answer in checks:
        shape.model_validate(answer.json(), strict=False)
