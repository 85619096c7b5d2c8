"""``pixelflow watch-folder``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixelflow.cli.options import LOCAL_URL, FolderOption, JsonOption, PipelineOption, UrlOption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixelflow.client import Client

JOURNAL = ".pixelflow-watched.jsonl"
"""What is done, one line each, in the folder of the results; a restart goes on from there."""
Mark = tuple[str, int, int]
"""A file's name below the folder, its bytes, and when it was written in nanoseconds."""


def watch_folder(
    folder: Annotated[Path, typer.Argument(metavar="DIR", file_okay=False, exists=True, help="The folder.")],
    pipeline: PipelineOption,
    output: FolderOption,
    in_flight: Annotated[int, typer.Option(min=1, max=64, help="Pictures at once.")] = 4,
    settle_seconds: Annotated[
        float, typer.Option(min=0, help="A file is complete when it did not change for so long.")
    ] = 2.0,
    move_to: Annotated[Path | None, typer.Option(metavar="DIR", help="Move done pictures here.")] = None,
    once: Annotated[bool, typer.Option("--once", help="End when all that is there is done.")] = False,
    url: UrlOption = LOCAL_URL,
    as_json: JsonOption = False,
) -> None:
    """Send each picture that appears in a folder to a running server, once, and fetch its results."""
    import time

    from pixelflow.cli.remote import talking
    from pixelflow.cli.steps import read_steps

    output.mkdir(parents=True, exist_ok=True)
    with talking(url) as client:
        watch = Watch(
            client, read_steps(pipeline), folder, output, in_flight, settle_seconds, move_to, as_json=as_json
        )
        while watch.turn() or not once:
            time.sleep(min(1.0, max(0.05, settle_seconds / 4)))


@dataclass
class Watch:
    """One folder; ``turn`` does what can be done now."""

    client: "Client"
    steps: Sequence[Mapping[str, Any]]
    folder: Path
    output: Path
    in_flight: int
    settle_seconds: float
    move_to: Path | None
    as_json: bool
    done: "set[Mark] | None" = None
    seen: "dict[str, tuple[Mark, float]]" = field(default_factory=dict)
    """Each file as it last was, and since when."""

    def turn(self) -> bool:
        """Whether there is still something to wait for."""
        from concurrent.futures import ThreadPoolExecutor

        if self.done is None:
            self.done = set(self._journal())
        ready, unsettled = self._look()
        with ThreadPoolExecutor(self.in_flight) as pool:
            for mark, line in zip(ready, pool.map(self._do, ready), strict=True):
                self.done.add(mark)
                self._tell(line)
        return unsettled

    def _look(self) -> tuple[list[Mark], bool]:
        import time

        now, ready, unsettled = time.monotonic(), [], False
        present = set()
        for path in sorted(self.folder.rglob("*")):
            if self._left_out(path):
                continue
            name = str(path.relative_to(self.folder))
            try:
                facts = path.stat()
            except FileNotFoundError:  # it has gone since it was listed
                continue
            mark = (name, facts.st_size, facts.st_mtime_ns)
            present.add(name)
            former, since = self.seen.get(name, (None, now))
            self.seen[name] = (mark, since if former == mark else now)
            if mark in (self.done or ()):
                continue
            if now - self.seen[name][1] < self.settle_seconds:
                unsettled = True
            elif _may_be_picture(path):
                ready.append(mark)
        self.seen = {name: self.seen[name] for name in present}
        return ready, unsettled

    def _left_out(self, path: Path) -> bool:
        aside = [folder for folder in (self.output, self.move_to) if folder is not None]
        return (
            not path.is_file()
            or path.name.startswith(".")
            or any(folder.resolve() in path.resolve().parents for folder in aside)
        )

    def _do(self, mark: Mark) -> dict[str, Any]:
        import hashlib
        import json

        from pixelflow.client import ApiError, JobFailed

        path = self.folder / mark[0]
        # The same file is the same job, even when it was sent and the answer never noted.
        key = hashlib.sha256(json.dumps([str(self.folder.resolve()), mark, self.steps]).encode()).hexdigest()
        line: dict[str, Any] = {"file": mark[0], "bytes": mark[1], "written_ns": mark[2]}
        try:
            with path.open("rb") as file:
                file.read(1)
        except OSError as error:
            return line | {"status": "unreadable", "error": error.strerror}
        try:
            handle = self.client.submit(path, self.steps, idempotency_key=key)
            line["job_id"] = handle.id
            saved = handle.result().save(self.output / mark[0])
            line |= {"status": "completed", "outputs": [str(each) for each in saved]}
        except JobFailed as error:
            line |= {"status": error.job.status, "error": f"{error.message} ({error.code})"}
        except ApiError as error:
            if error.status >= 500 or error.status == 429:
                raise
            line |= {"status": "refused", "error": f"{error.detail} ({error.code})"}
        if self.move_to is not None and line["status"] == "completed":
            target = self.move_to / mark[0]
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        return line

    def _journal(self) -> "Iterator[Mark]":
        import json

        path = self.output / JOURNAL
        if not path.exists():
            return
        for text in path.read_text(encoding="utf-8").splitlines():
            try:
                line = json.loads(text)
                yield line["file"], line["bytes"], line["written_ns"]
            except (
                ValueError,
                KeyError,
                TypeError,
            ):  # a line that was cut off; its picture is asked for again
                continue

    def _tell(self, line: dict[str, Any]) -> None:
        import json

        with (self.output / JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(line) + "\n")
        words = line.get("error") or f"{len(line['outputs'])} outputs"
        typer.echo(json.dumps(line) if self.as_json else f"{line['file']}  {line['status']}  {words}")


def _may_be_picture(path: Path) -> bool:
    from pixelflow.domain.media import SNIFF_BYTES, sniff

    try:
        with path.open("rb") as file:
            return sniff(file.read(SNIFF_BYTES)) is not None
    except OSError:
        return True  # its own line says why
