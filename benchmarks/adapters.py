"""How each service is asked for one job: upload, wait, download."""

import json
from collections.abc import Sequence
from typing import Any, Protocol

from connection import Http
from workloads import Workload

WAIT_SECONDS = 30


class UnexpectedAnswerError(RuntimeError):
    """The server said something else than the protocol wants."""

    def __init__(self, what: str, status: int, body: bytes) -> None:
        super().__init__(f"{what}: {status} {body[:200]!r}")


class Adapter(Protocol):
    """How a service is asked for one job: upload, wait, download; raises UnexpectedAnswerError."""

    async def job(self, http: Http) -> Sequence[bytes]:
        """Do one whole job; its results' bytes."""


class PixelFlow:
    """One multipart upload, one long poll, one download per output."""

    def __init__(self, workload: Workload) -> None:
        self.outputs = [f"w{out.width}" for out in workload.outputs]
        boundary = "0f8fad5bd9cb469fa16570867728950e"  # as long as httpx makes it
        part = f'--{boundary}\r\nContent-Disposition: form-data; name="'
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self.body = b"".join(
            [
                f'{part}pipeline"\r\nContent-Type: application/json\r\n\r\n{workload.pipeline}\r\n'.encode(),
                f'{part}file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'.encode(),
                workload.path.read_bytes(),
                f"\r\n--{boundary}--\r\n".encode(),
            ]
        )

    async def submit(self, http: Http) -> str:
        """Upload; the job's id."""
        status, body = await http("POST", "/v1/jobs", self.body, self.content_type)
        if status != 202:
            raise UnexpectedAnswerError("upload", status, body)
        return str(json.loads(body)["id"])

    async def finished(self, http: Http, job: str) -> dict[str, Any]:
        """Wait until the job is terminal; the job."""
        while True:
            status, body = await http("GET", f"/v1/jobs/{job}?wait={WAIT_SECONDS}")
            answer: dict[str, Any] = json.loads(body)
            if status != 200 or answer["status"] not in {"queued", "processing", "completed"}:
                raise UnexpectedAnswerError("job", status, body)
            if answer["status"] == "completed":
                return answer

    async def job(self, http: Http) -> Sequence[bytes]:
        job = await self.submit(http)
        await self.finished(http, job)
        return [await _image(http, f"/v1/jobs/{job}/outputs/{output}") for output in self.outputs]


class Peer:
    """The peers' contract: the raw picture up, one long poll, one download per output."""

    def __init__(self, workload: Workload) -> None:
        self.body = workload.path.read_bytes()
        self.path = f"/jobs?ops={workload.peer_query}"
        self.count = len(workload.outputs)

    async def job(self, http: Http) -> Sequence[bytes]:
        status, body = await http("POST", self.path, self.body, "image/jpeg")
        if status != 202:
            raise UnexpectedAnswerError("upload", status, body)
        job = json.loads(body)["id"]
        while True:
            status, body = await http("GET", f"/jobs/{job}?wait={WAIT_SECONDS}")
            answer = json.loads(body)
            if status != 200 or answer["status"] not in {"queued", "done"}:
                raise UnexpectedAnswerError("job", status, body)
            if answer["status"] == "done":
                break
        if len(answer["files"]) != self.count:
            raise UnexpectedAnswerError("outputs", status, body)
        return [await _image(http, f"/results/{file}") for file in answer["files"]]


ADAPTERS: dict[str, type[PixelFlow] | type[Peer]] = {"pixelflow": PixelFlow, "peer": Peer}


async def _image(http: Http, path: str) -> bytes:
    status, body = await http("GET", path)
    if status != 200 or not (body[:2] == b"\xff\xd8" or body[8:12] == b"WEBP"):
        raise UnexpectedAnswerError("download", status, body)
    return body
