"""Names behind which a secret may be."""

from functools import cache

SECRETS = ("authorization", "signature", "secret", "token", "password", "cookie", "key")
"""A field whose name contains one of these never shows its value."""
HIDDEN = "…"


@cache  # the names of fields are those in our own code
def is_secret(name: str) -> bool:
    """Whether a field's value is to be hidden."""
    return any(secret in name.lower() for secret in SECRETS)
