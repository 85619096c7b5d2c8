"""Signed URLs: whoever has one may make that one call until it expires."""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from pixelflow.domain.errors import Forbidden

MAX_SECONDS = 7 * 86400
OWN = frozenset({"expires", "key", "tenant", "signature"})
"""The query parameters that signing adds."""


@dataclass(frozen=True, slots=True)
class UrlSigner:
    """HMAC-SHA256 over method, path, sorted query, tenant, expiry and key id.

    ``keys`` are secrets by id; the first one signs, all of them verify, so that a key can be changed while
    URLs signed with the older one are still about. ``clock`` tells Unix seconds.
    """

    keys: Mapping[str, bytes]
    clock: Callable[[], float]

    def sign(
        self, method: str, path: str, tenant: str, seconds: int, query: Mapping[str, str] | None = None
    ) -> str:
        """The path with its signed query, valid for that many seconds; raises ValueError over seven days."""
        if not 0 < seconds <= MAX_SECONDS:
            raise ValueError(f"a signed URL holds for 1 to {MAX_SECONDS} seconds, not {seconds}")
        key_id = next(iter(self.keys))
        signed = {
            **(query or {}),
            "expires": str(int(self.clock()) + seconds),
            "key": key_id,
            "tenant": tenant,
        }
        signed["signature"] = self._digest(self.keys[key_id], method, path, signed.items())
        return f"{quote(path)}?{urlencode(signed)}"

    def verify(self, method: str, path: str, query: Iterable[tuple[str, str]]) -> str:
        """The tenant for whom this call was signed; raises Forbidden when it was not, or has expired."""
        pairs = list(query)
        given = dict(pairs)
        if len(given) != len(pairs) or not given.keys() >= OWN:
            raise Forbidden("this call needs a signed URL", code="signature_missing")
        signature = given.pop("signature")
        secret = self.keys.get(given["key"])
        # An unknown key is compared too, so that the time does not tell which ids there are.
        expected = self._digest(secret or b"\0" * 32, method, path, given.items())
        genuine = hmac.compare_digest(expected.encode(), signature.encode())
        if secret is None or not genuine:
            raise Forbidden("the URL's signature does not fit this call", code="signature_invalid")
        now = self.clock()
        expires = int(given["expires"])
        if expires < now:
            raise Forbidden("the signed URL has expired; create the job again", code="signature_expired")
        if expires > now + MAX_SECONDS:
            raise Forbidden("the signed URL holds for longer than seven days", code="signature_invalid")
        return given["tenant"]

    @staticmethod
    def _digest(secret: bytes, method: str, path: str, query: Iterable[tuple[str, str]]) -> str:
        text = "\n".join((method, path, urlencode(sorted(query))))
        return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
