"""A file's header, read in the cage as its pixels would be."""

from pixelflow.domain.errors import ImageError
from pixelflow.domain.limits import ImageLimits
from pixelflow.imaging import wire
from pixelflow.imaging.prediction import Origin
from pixelflow.operations.outline import Outline
from pixelflow.worker.pool import Pool


async def probe(pool: Pool, file: int, limits: ImageLimits) -> Origin:
    """What is known of a picture before it is decoded; raises ImageError, Busy and OSError."""
    outcome = await pool.submit(wire.Task([], [], [], limits), [file], lambda _: None).outcome
    if isinstance(outcome, wire.Failed):
        raise ImageError(outcome.code, outcome.message)
    if not isinstance(outcome, wire.Finished):
        raise ImageError("crash", "its header cannot be read")
    return origin_of(outcome.source)


def origin_of(facts: wire.Facts) -> Origin:
    """The answer to a task without steps."""
    header = facts.header
    if header is None:
        raise ImageError("crash", "its header was not told")
    outline = Outline(
        (facts.width, facts.width),
        (facts.height, facts.height),
        frames=header.frames,
        alpha=header.alpha,
        color=header.color,
        depth=header.depth,
        sideways=header.sideways,
    )
    return Origin(outline, facts.format, header.bytes, header.converted, header.cmyk, header.turned)
