"""Outputs fetched: into memory, into a file, into a folder; each is checked against the job's SHA-256."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote

from pixelflow.client.calls import job_path
from pixelflow.client.errors import DamagedDownload
from pixelflow.client.exchange import Call, Endpoint
from pixelflow.client.models import Output


def output_bytes(server: Endpoint, job_id: str, output: Output) -> Call[bytes]:
    """One output, in memory; raises DamagedDownload."""
    buffer = BytesIO()
    yield from _download(server, job_id, output, _Hashing(buffer))
    return buffer.getvalue()


def save(server: Endpoint, job_id: str, output: Output, path: Path) -> Call[Path]:
    """One output into a file, which appears whole or not at all; raises DamagedDownload and OSError."""
    unfinished = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        with unfinished.open("wb") as file:
            yield from _download(server, job_id, output, _Hashing(file))
        unfinished.replace(path)
    finally:
        with suppress(FileNotFoundError):
            unfinished.unlink()
    return path


def save_all(server: Endpoint, job_id: str, outputs: Sequence[Output], folder: Path) -> Call[list[Path]]:
    """Every output into a folder, as ``<step>.<extension>``."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / output.file_name for output in outputs]
    for output, path in zip(outputs, paths, strict=True):
        yield from save(server, job_id, output, path)
    return paths


class _Hashing:
    """Writes to a file and hashes on the way."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.reset()

    def reset(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._hash = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        self._hash.update(chunk)
        self._file.write(chunk)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def _download(server: Endpoint, job_id: str, output: Output, sink: _Hashing) -> Call[None]:
    yield from server.ask("GET", f"{job_path(job_id)}/outputs/{quote(output.id, safe='')}", sink=sink)
    if output.sha256 and sink.hexdigest() != output.sha256:
        raise DamagedDownload(
            f"output {output.id!r} of job {job_id} arrived with another SHA-256 than the job tells"
        )
