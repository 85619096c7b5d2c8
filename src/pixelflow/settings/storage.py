"""The storage of pictures."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from pydantic import Field

from pixelflow.settings.part import MEGABYTE, Part


class StorageSettings(Part):
    """Where bytes live."""

    upload_dir: Path = Path("./uploads")
    """Uploaded pictures."""
    output_dir: Path = Path("./outputs")
    """Results."""
    storage: str | None = None
    """The storage's address; by default local files in UPLOAD_DIR and OUTPUT_DIR."""
    min_free_bytes: Annotated[int, Field(ge=0)] = 256 * MEGABYTE
    """Below this much free disk, submissions are answered with 503."""

    @property
    def address(self) -> str:
        """The storage's address."""
        folders = {"uploads": self.upload_dir, "outputs": self.output_dir}
        return self.storage or f"file://?{urlencode(folders)}"
