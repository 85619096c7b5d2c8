"""What is logged."""

from typing import Literal

from pixelflow.settings.part import Part


class LogSettings(Part):
    """What the server says."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least level that is logged."""
    log_format: Literal["auto", "json", "console"] = "auto"
    """`auto` is readable on a terminal and JSON elsewhere."""
