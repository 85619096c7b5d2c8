"""``pixelflow formats``."""

import typer

from pixelflow.cli.options import JsonOption


def formats(as_json: JsonOption = False) -> None:
    """List the image formats that can be read and written."""
    import json
    from dataclasses import asdict

    from pixelflow.cli.configuration import read_settings
    from pixelflow.domain.installed import formats as installed
    from pixelflow.domain.media import SETTINGS

    found = installed(*sorted(read_settings({}).formats.readable))
    if as_json:
        typer.echo(json.dumps({"formats": [asdict(known) for known in found]}, indent=2))
        return

    from pixelflow.cli.screen import mark, show

    rows = [
        (
            known.name,
            ", ".join(known.extensions),
            mark(known.reads),
            mark(known.writes),
            mark(known.animated),
            mark(known.alpha),
            str(known.max_depth),
            known.extra or ("" if known.reads else SETTINGS.get(known.name, "")),
        )
        for known in found
    ]
    show(("format", "extensions", "reads", "writes", "animated", "alpha", ">bits", "needs"), rows)
