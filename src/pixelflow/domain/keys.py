"""The names under which bytes are stored, made here only, never from a name that a caller sent."""

import secrets
from dataclasses import dataclass
from typing import Literal

Kind = Literal["inputs", "outputs", "assets"]


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a key tells: ``owner_id`` is the job's id, or for ``assets`` what ``asset_key`` was given;
    ``attempt`` is an output's."""

    kind: Kind
    tenant: str
    owner_id: str
    attempt: str = ""


def input_key(tenant: str, job_id: str) -> str:
    """A new place for a job's source at every call, since a caller may upload twice before the start."""
    return _join("inputs", tenant, job_id, secrets.token_hex(8))


def output_key(tenant: str, job_id: str, attempt: int, step: str, extension: str) -> str:
    """Where one attempt puts one step's result; a late writer never touches a newer attempt's bytes."""
    return _join("outputs", tenant, job_id, str(attempt), f"{step}.{extension}")


def asset_key(tenant: str, nonce: str) -> str:
    """Where an asset's bytes are; not its id, which is known only after the last byte, and may come again
    after a deletion."""
    return _join("assets", tenant, nonce)


def parse(key: str) -> Parsed | None:
    """The tenant and the job or asset that a key belongs to; ``None`` when the key is not of our making."""
    match key.split("/"):
        case ["inputs" as kind, tenant, owner_id, _nonce] if tenant and owner_id:
            return Parsed(kind, tenant, owner_id)
        case ["outputs" as kind, tenant, owner_id, attempt, _file] if tenant and owner_id:
            return Parsed(kind, tenant, owner_id, attempt)
        case ["assets" as kind, tenant, owner_id] if tenant and owner_id:
            return Parsed(kind, tenant, owner_id)
    return None


def _join(*parts: str) -> str:
    for part in parts:
        if part in {"", ".", ".."} or "/" in part or "\0" in part:
            raise ValueError(f"{part!r} cannot be a part of a storage key")
    return "/".join(parts)
