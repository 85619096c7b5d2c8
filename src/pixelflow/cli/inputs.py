"""Which pictures a command was given, and what their results will be called."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pixelflow.cli.mistakes import Mistake
from pixelflow.domain.media import BY_NAME, SNIFF_BYTES, sniff

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Input:
    """A picture; its results are ``folder/<stem>_<step>.<extension>``."""

    name: str
    folder: Path
    stem: str

    def open(self) -> int:
        """A read-only descriptor, the caller's to close; standard input goes into a nameless file first."""
        if self.name != STDIN:
            return os.open(self.name, os.O_RDONLY | os.O_CLOEXEC)
        with tempfile.TemporaryFile() as spool:
            shutil.copyfileobj(sys.stdin.buffer, spool)
            spool.seek(0)
            return os.dup(spool.fileno())


def inputs(given: Sequence[str], output: Path) -> list[Input]:
    """Files as given, folders with every picture below them; no two share a stem in the same folder."""
    found: list[Input] = []
    taken: set[tuple[Path, str]] = set()
    for name, folder, stem in _named(given, output):
        number, free = 1, stem
        while (folder, free) in taken:
            number += 1
            free = f"{stem}-{number}"
        taken.add((folder, free))
        found.append(Input(name, folder, free))
    if not found:
        raise Mistake(f"there is no picture in {', '.join(given)}")
    return found


def _named(given: Sequence[str], output: Path) -> Iterator[tuple[str, Path, str]]:
    for name in given:
        path = Path(name)
        if name == STDIN:
            yield name, output, "stdin"
        elif path.is_dir():
            for file in _pictures(path, output):
                yield str(file), output / file.parent.relative_to(path), file.stem
        elif path.exists():
            yield name, output, path.stem
        else:
            raise Mistake(f"there is no file or folder {name!r}")


def _pictures(root: Path, output: Path) -> Iterator[Path]:
    """Every file below that begins like a picture of a kind that can be read, but not earlier results."""
    apart = output.resolve() if output.resolve() != root.resolve() else None
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(each for each in folders if Path(folder, each).resolve() != apart)
        for file in sorted(files):
            path = Path(folder, file)
            if path.is_file() and _readable(path):
                yield path


def _readable(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            kind = BY_NAME.get(sniff(file.read(SNIFF_BYTES)) or "")
    except OSError:
        return True  # its own line in the report says why
    return kind is not None and kind.reads
