"""Which part of a file is looked at, and how large what has no pixels of its own is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from pixelflow.domain.errors import ImageError


@dataclass(frozen=True, slots=True)
class View:
    """``page`` is counted from 0; ``dpi`` is dots an inch for what is drawn, ``None`` its usual number."""

    page: int = 0
    dpi: float | None = None

    def check_page(self, pages: int) -> None:
        """Raises ImageError (``invalid``) for a page that is not there."""
        if self.page >= pages:
            there = "is one page, number 0" if pages == 1 else f"are {pages} pages, numbers 0 to {pages - 1}"
            raise ImageError("invalid", f"there is no page {self.page}: there {there}")


WHOLE = View()
"""The first page at its usual size."""
