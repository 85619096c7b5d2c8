"""What is sent to another machine."""

from collections.abc import AsyncIterator

import pytest

from harness.elsewhere import Elsewhere, Reply
from harness.names import Make

WITHIN = {"timeout_seconds": 10.0, "max_answer_bytes": 100}


async def pieces() -> AsyncIterator[bytes]:
    for _ in range(10):
        yield b"x" * 1000


async def test_bytes_and_streams_arrive_whole(make: Make, there: Elsewhere) -> None:
    there.routes["/in"] = Reply(201, b"thanks", {"X-Id": "7"})
    egress = make()
    answer = await egress.send(
        "POST", there.url + "/in", {"Webhook-Id": "msg_1"}, b"{}", timeout_seconds=10, max_answer_bytes=100
    )
    assert (answer.status, answer.headers["x-id"], answer.body) == (201, "7", b"thanks")
    headers = {"Content-Length": "10000", "Content-Type": "image/webp"}
    await egress.send(
        "PUT", there.url + "/in?key=1", headers, pieces(), timeout_seconds=10, max_answer_bytes=100
    )
    post, put = there.asked
    assert (post.method, post.body, post.headers["webhook-id"]) == ("POST", b"{}", "msg_1")
    assert (put.method, put.path, put.body) == ("PUT", "/in?key=1", b"x" * 10_000)
    assert put.headers["content-type"] == "image/webp"
    assert "transfer-encoding" not in put.headers


async def test_no_more_of_an_answer_is_read_than_asked_for(make: Make, there: Elsewhere) -> None:
    there.routes["/"] = Reply(200, b"x" * 1_000_000, stall=200_000)
    answer = await make().send("POST", there.url + "/", {}, b"", timeout_seconds=10, max_answer_bytes=100)
    assert answer.body == b"x" * 100


async def test_39_a_redirect_is_not_followed(make: Make, there: Elsewhere) -> None:
    there.routes["/"] = Reply(302, headers={"Location": "/elsewhere"})
    answer = await make(redirects=3).send(
        "POST", there.url + "/", {}, b"", timeout_seconds=10, max_answer_bytes=100
    )
    assert (answer.status, answer.headers["location"], len(there.asked)) == (302, "/elsewhere", 1)


async def test_a_receiver_that_hangs_is_left(make: Make, there: Elsewhere) -> None:
    there.routes["/"] = Reply(200, b"x" * 50, stall=0)
    with pytest.raises(TimeoutError):
        await make().send("POST", there.url + "/", {}, b"", timeout_seconds=0.3, max_answer_bytes=100)


async def test_a_receiver_that_hangs_up_between_two_requests_is_called_anew(
    make: Make, there: Elsewhere
) -> None:
    there.routes["/"] = Reply(200, b"", length=False)
    egress = make()
    for _ in range(3):
        assert (
            await egress.send("POST", there.url + "/", {}, b"", timeout_seconds=10, max_answer_bytes=9)
        ).status == 200
    assert len(there.asked) == 3
