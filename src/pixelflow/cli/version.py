"""``pixelflow version``."""

import typer

from pixelflow.cli.options import JsonOption


def version(as_json: JsonOption = False) -> None:
    """Say which version this is; pixelflow doctor tells those of the native libraries."""
    import json
    import platform

    from pixelflow import __version__

    if as_json:
        facts = {
            "pixelflow": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
        }
        typer.echo(json.dumps(facts))
    else:
        typer.echo(f"pixelflow {__version__} (Python {platform.python_version()}, {platform.platform()})")
