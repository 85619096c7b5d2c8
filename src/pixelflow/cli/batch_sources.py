"""The pictures that ``pixelflow batch create`` is given."""

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

from pixelflow.cli.mistakes import Mistake

METADATA = "metadata."


def read_sources(given: list[str]) -> list[Any]:
    """URLs, what files with one a line have, and for - standard input; raises Mistake and OSError."""
    found: list[Any] = []
    for name in given:
        if name == "-":
            found += [line.strip() for line in sys.stdin if line.strip()]
        elif "://" in name:
            found.append(name)
        else:
            found += _of_file(Path(name))
    return found


def _of_file(path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".csv":
            rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
            if any(None in row for row in rows):
                raise Mistake(f"{path} has a row with more fields than its heading")
            return [_row(row) for row in rows]
    except UnicodeDecodeError as error:
        raise Mistake(f"{path} is not UTF-8: {error}") from None
    except csv.Error as error:
        raise Mistake(f"{path} cannot be read as CSV: {error}") from None
    lines = [line for line in text.splitlines() if line.strip()]
    if path.suffix not in {".jsonl", ".ndjson"}:
        return [line.strip() for line in lines]
    try:
        return [json.loads(line) for line in lines]
    except json.JSONDecodeError as error:
        raise Mistake(f"{path} has a line that is not JSON: {error}") from None


def _row(row: dict[str, Any]) -> dict[str, Any]:
    metadata = {
        name.removeprefix(METADATA): value
        for name, value in row.items()
        if name is not None and name.startswith(METADATA) and value
    }
    plain = {str(name): value for name, value in row.items() if value and not str(name).startswith(METADATA)}
    return {**plain, **({"metadata": metadata} if metadata else {})}
