"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON instead.")]
_PIPELINE = typer.Option(
    "--pipeline",
    "-p",
    metavar="PIPELINE",
    help="JSON text, a .json file, or a step such as thumbnail:width=800,format=webp; repeatable.",
)
PipelineOption = Annotated[list[str], _PIPELINE]
OptionalPipelineOption = Annotated[list[str] | None, _PIPELINE]
UrlOption = Annotated[
    str, typer.Option("--url", envvar="PIXELFLOW_URL", show_envvar=True, help="The server.")
]
LOCAL_URL = "http://127.0.0.1:8080"
FolderOption = Annotated[
    Path, typer.Option("--output", "-o", metavar="DIR", help="The folder for the results.")
]
