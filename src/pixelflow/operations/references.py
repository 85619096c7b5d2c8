"""How a step names another picture than the one it takes."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

STEP = "step:"
"""In front of the id of a step of the same pipeline, whose image is meant."""
SOURCE = "source"
"""The job's own picture."""


URL = "://"
"""In an address that is fetched when the job runs."""

Reference = Annotated[
    str,
    Field(
        pattern=(
            r"^(step:[A-Za-z0-9][A-Za-z0-9_-]{0,63}|job:[A-Za-z0-9-]{1,64}|[A-Za-z0-9][A-Za-z0-9._-]{0,199}"
            r"|(https?|s3|gs|az|file)://[!-~]{1,2000})$"
        ),
        examples=["ast_0123456789abcdef", "step:logo", "source"],
    ),
]
"""The id of an asset, `step:` and the id of a step, `job:` and that of an earlier job, `source`, or a URL."""


def steps_in(references: Iterable[str]) -> frozenset[str]:
    """Ids of the steps among them."""
    return frozenset(name.removeprefix(STEP) for name in references if name.startswith(STEP))


def files_in(references: Iterable[str]) -> frozenset[str]:
    """Those that are files of their own: assets and earlier jobs' pictures."""
    return frozenset(name for name in references if name != SOURCE and not name.startswith(STEP))


def urls_in(references: Iterable[str]) -> frozenset[str]:
    """Those that are to be fetched."""
    return frozenset(name for name in references if URL in name)
