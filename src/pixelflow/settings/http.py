"""What the server listens on and accepts."""

from typing import Annotated

from pydantic import Field

from pixelflow.settings.part import MEGABYTE, Part

DEFAULT_UPLOAD_BYTES = 50 * MEGABYTE
DEFAULT_ZERO_CONFIG_UPLOAD_BYTES = 10 * MEGABYTE


class HttpSettings(Part):
    """Where the server listens, and what it accepts."""

    host: str = "127.0.0.1"
    """The address to listen on; without authentication only loopback is allowed."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """The port to listen on; 0 takes a free one."""
    public_url: str | None = None
    """The base of the URLs that answers contain; by default the Host that the request named."""
    max_upload_size: Annotated[int, Field(ge=1)] | None = None
    """Largest upload in bytes; unset it is 10 MiB for `POST /jobs` and 50 MiB elsewhere."""
    signing_keys: Annotated[str, Field(pattern=r"^(\w+:\w{32,})(,\w+:\w{32,})?$")] | None = None
    """Keys of signed URLs, `id:secret`, the newest first and one older; by default one is kept in a file."""
    templates_only: bool = False
    """Only templates are run: a request that brings a pipeline of its own is answered with 403."""
    upload_url_seconds: Annotated[int, Field(ge=1, le=7 * 86400)] = 3600
    """How long a signed upload URL holds."""
    slow_body_seconds: Annotated[float, Field(gt=0)] = 30.0
    """A body that brings less than 1 KB/s for this long is answered with 408."""
    max_wait_seconds: Annotated[float, Field(gt=0, le=300)] = 60.0
    """Longest long poll that `?wait=` may ask for."""
    sse_heartbeat_seconds: Annotated[float, Field(gt=0)] = 15.0
    """A comment goes out on an idle event stream this often."""

    @property
    def upload_bytes(self) -> int:
        """The cap on an upload, in bytes."""
        return self.max_upload_size or DEFAULT_UPLOAD_BYTES

    @property
    def zero_config_upload_bytes(self) -> int:
        """The same on the zero-config service's own route."""
        return self.max_upload_size or DEFAULT_ZERO_CONFIG_UPLOAD_BYTES
