"""Signatures of webhooks (Standard Webhooks 1.0, symmetric): made by the sender, checked by the receiver."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping

PREFIX = "whsec_"
VERSION = "v1"
SECRET_BYTES = 32
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


def new_secret() -> str:
    """A secret of 256 random bits."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sign(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """``v1,`` and the HMAC-SHA256 of ``id.timestamp.body`` in base64; raises ValueError for what is no
    secret."""
    encoded = secret.removeprefix(PREFIX)
    key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    if not key:
        raise ValueError("a webhook secret is whsec_ and base64")
    digest = hmac.digest(key, b".".join((message_id.encode(), timestamp.encode(), body)), hashlib.sha256)
    return f"{VERSION},{base64.b64encode(digest).decode()}"


def headers(secrets: Iterable[str], message_id: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    """What a message is sent with; each secret signs, as during a rotation."""
    moment = str(timestamp)
    return {
        ID: message_id,
        TIMESTAMP: moment,
        SIGNATURE: " ".join(sign(secret, message_id, moment, body) for secret in secrets),
    }


def signed(secret: str, sent: Mapping[str, str], body: bytes) -> bool:
    """Whether one of the signatures is this secret's, in constant time; ``sent`` by names in lower case."""
    wanted = sign(secret, sent.get(ID, ""), sent.get(TIMESTAMP, ""), body).encode()
    given = sent.get(SIGNATURE, "").split()
    return any(hmac.compare_digest(wanted, each.encode()) for each in given)
