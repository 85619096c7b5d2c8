"""How the commands write to a terminal."""

from collections.abc import Iterable, Sequence
from typing import Literal

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

PIPED_WIDTH = 140
"""Columns of a table that goes into a file or a pipe."""


def screen(*, stderr: bool = False) -> Console:
    """Standard output, or standard error for what is not the result."""
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=PIPED_WIDTH)


def show(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on standard output; a column whose heading starts with ``>`` is aligned to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(columns))
    for column in columns:
        table.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    screen().print(table)


def progress(when: Literal["terminal", "always", "never"] = "terminal", *, counts: bool = False) -> Progress:
    """A bar on standard error, of percents or a count; ``always`` shows its end where that is no terminal."""
    console = screen(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn() if counts else TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=when == "never" or (when == "terminal" and not console.is_terminal),
    )


def mark(value: bool) -> str:
    """Yes or no, at a glance."""
    return "✓" if value else "·"


def size(width: int | None, height: int | None) -> str:
    """In pixels; a dash for what has no sides."""
    return f"{width} × {height}" if width and height else "–"


def weight(size_bytes: int) -> str:
    """Bytes, as a person reads them."""
    return decimal(size_bytes)


def duration(seconds: float) -> str:
    """Seconds, as a person reads them."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
