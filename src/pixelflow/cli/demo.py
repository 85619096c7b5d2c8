"""``pixelflow demo``: the main job on a real picture, with a server of its own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pixelflow.cli.options import FolderOption

if TYPE_CHECKING:
    from subprocess import Popen

START_SECONDS = 30.0
STOP_SECONDS = 40.0
JOB_SECONDS = 120.0

PIPELINE: Sequence[Mapping[str, Any]] = [
    {"id": "web", "action": "thumbnail", "width": 1600, "height": 1600, "format": "webp"},
    {"id": "small", "action": "thumbnail", "width": 800, "height": 800, "format": "avif"},
    {"id": "card", "action": "resize", "width": 400, "format": "jpeg", "progressive": True},
    {"id": "square", "action": "resize", "width": 150, "height": 150, "fit": "cover", "gravity": "attention",
     "format": "webp"},
    {"id": "old", "action": "sepia", "output": False},
    {"id": "postcard", "action": "text", "from": "old", "text": "Greetings from PixelFlow",
     "font": "Noto Sans Bold", "width": "60%", "height": "12%", "gravity": "south", "y": "5%",
     "color": "#fff8e7", "stroke": 2, "stroke_color": "#3a2a1a", "format": "jpeg"},
]  # fmt: skip
"""Two for the web, a card, a thumbnail cut around what draws the eye, and a postcard by way of sepia."""

NEXT = r"""
To try next:

  {program} serve

and in another terminal:

  job=$(curl -s -F file=@{photo} \
      -F 'pipeline=[{{"id":"thumb","action":"thumbnail","width":300,"format":"webp"}}]' \
      {url}/v1/jobs | sed 's/.*"job_id":"\([^"]*\)".*/\1/')
  curl "{url}/v1/jobs/$job?wait=30"
  curl -o thumb.webp {url}/v1/jobs/$job/outputs/thumb
"""


def demo(
    photo: Annotated[str, typer.Argument(help="A picture.")] = "examples/kodim23.png",
    output: FolderOption = Path("demo-output"),
) -> None:
    """Start a server, make five pictures out of one, and stop the server."""
    import shlex
    from tempfile import TemporaryDirectory
    from time import perf_counter

    from pixelflow.cli.mistakes import Mistake
    from pixelflow.cli.remote import talking
    from pixelflow.cli.screen import duration, progress, show, size, weight
    from pixelflow.client.address import DEFAULT_URL

    if not Path(photo).is_file():
        raise Mistake(
            f"there is no file {photo!r}", "  name a picture: pixelflow demo PHOTO, or make demo PHOTO=path"
        )
    output.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory(prefix="pixelflow-demo-") as folder,
        _server(Path(folder)) as url,
        talking(url) as client,
    ):
        begun = perf_counter()
        with progress("always") as bar:
            task = bar.add_task(f"five outputs of {Path(photo).name}", total=100)
            handle = client.submit(photo, PIPELINE)
            result = handle.result(
                timeout_seconds=JOB_SECONDS,
                on_progress=lambda job: bar.update(task, completed=job.progress),
            )
            bar.update(task, completed=100)
        rows = []
        for each in result.values():
            path = each.save(output / each.file_name)
            taken = duration(perf_counter() - begun)
            rows.append((str(path), size(each.width, each.height), weight(each.size), taken))
    show(("name", ">pixels", ">size", ">time"), rows)
    typer.echo("(time from the first byte of the upload to the file on disk)")
    typer.echo(NEXT.format(program=_program(), photo=shlex.quote(photo), url=DEFAULT_URL))


def _program() -> str:
    """How this program was called, where that is a command that can be typed again."""
    import sys

    return sys.argv[0] if sys.argv[0].endswith("pixelflow") else "pixelflow"


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """Its address once it listens; at the end it gets SIGTERM, and must exit with 0."""
    import subprocess
    import sys

    from pixelflow.cli.mistakes import FAILED, Mistake

    log = folder / "server.log"
    with log.open("wb") as errors:
        server = subprocess.Popen(  # noqa: S603 - our own interpreter with our own words
            [
                sys.executable,
                "-m",
                "pixelflow",
                "serve",
                "--host",
                "127.0.0.1",
                "--port",
                "0",
                "--data",
                folder,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        url = _address(server)
        if url is None:
            raise Mistake("the server did not start; it said:", log.read_text(), code=FAILED)
        yield url
        server.terminate()
        code = server.wait(STOP_SECONDS)
        if code != 0:
            raise Mistake(f"the server ended with exit code {code}; it said:", log.read_text(), code=FAILED)
    finally:
        server.kill()
        server.communicate()


def _address(server: "Popen[str]") -> str | None:
    import re
    from threading import Timer

    assert server.stdout is not None
    overdue = Timer(START_SECONDS, server.kill)
    overdue.start()
    greeting = server.stdout.readline()
    overdue.cancel()
    typer.echo(greeting.rstrip())
    found = re.search(r"http://\S+", greeting)
    return found[0] if found else None
