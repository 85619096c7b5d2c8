"""``Retry-After``, as others say it (RFC 9110, 10.2.3)."""

from email.utils import parsedate_to_datetime

MAX_DIGITS = 15
"""More of them are some centuries, or nonsense."""


def asked_seconds(header: str | None, now: float) -> float | None:
    """For how long a server asks to be left alone, from either form; ``None`` where it does not say.

    ``now`` in Unix seconds; a moment that is over is 0.
    """
    text = (header or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:MAX_DIGITS])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None
