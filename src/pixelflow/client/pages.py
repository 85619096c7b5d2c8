"""Lists that the server tells page by page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic

from pixelflow.client.exchange import Call, Endpoint, T

PAGE_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Pages(Generic[T]):
    """All that ``path`` tells under a filter, each read from the API's JSON; what is ``None`` in the filter
    is not asked for."""

    server: Endpoint
    path: str
    read: Callable[[Mapping[str, Any]], T]
    where: Mapping[str, Any] = field(default_factory=dict)

    def page(self, cursor: str | None) -> Call[tuple[list[T], str | None]]:
        """One page, and the cursor of the next."""
        asked = {**self.where, "limit": PAGE_LIMIT, "cursor": cursor}
        params = {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in asked.items()
            if value is not None
        }
        page = (yield from self.server.ask("GET", self.path, params=params)).json()
        return [self.read(each) for each in page["items"]], page.get("next_cursor")
