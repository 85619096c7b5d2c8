"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON instead.")]
PipelineOption = Annotated[
    list[str],
    typer.Option(
        "--pipeline",
        "-p",
        metavar="PIPELINE",
        help="JSON text, a .json file, or a step such as thumbnail:width=800,format=webp; repeatable.",
    ),
]
FolderOption = Annotated[
    Path, typer.Option("--output", "-o", metavar="DIR", help="The folder for the results.")
]
