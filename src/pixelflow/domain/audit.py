"""Who changed what, and when."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KEEPER = "keeper"
"""The actor of what nobody asked for: the server's own duties."""

OPERATOR = "operator"
"""The actor of what was done from the server's own machine."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a tenant's audit log; ``at`` in Unix seconds, ``sequence`` rises with every line.

    ``action`` is a noun and what was done to it, such as ``job.deleted``; ``subject`` the id or the name of
    that one. ``detail`` never holds a secret.
    """

    tenant: str
    sequence: int
    at: float
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)
