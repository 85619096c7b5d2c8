"""``pixelflow serve``."""

from pathlib import Path
from typing import Annotated

import typer


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on (HOST).")] = None,
    port: Annotated[
        int | None, typer.Option(help="The port to listen on; 0 takes a free one (PORT).")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Decoder processes (WORKER_POOL_SIZE).")] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="One folder for the database, uploads and outputs (DB_PATH, UPLOAD_DIR, OUTPUT_DIR)."
        ),
    ] = None,
) -> None:
    """Run the server until it is told to stop by Ctrl-C or SIGTERM.

    Every setting is an environment variable; an option here goes before it.
    """
    from pixelflow.cli.configuration import read_settings
    from pixelflow.roles import serve as run

    given: dict[str, object] = {"host": host, "port": port, "worker_pool_size": workers}
    given = {name: value for name, value in given.items() if value is not None}
    if data is not None:
        given |= {"db_path": data / "jobs.db", "upload_dir": data / "uploads", "output_dir": data / "outputs"}
        given |= {"store": None, "storage": None}
    raise typer.Exit(run(read_settings(given)))
