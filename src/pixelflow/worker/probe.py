"""A file's header, read in the cage as its pixels would be."""

from pixelflow.domain.errors import ImageError
from pixelflow.domain.limits import ImageLimits
from pixelflow.imaging import wire
from pixelflow.operations.outline import Outline
from pixelflow.operations.prediction import Origin
from pixelflow.worker.pool import Pool


async def probe(pool: Pool, file: int, limits: ImageLimits) -> Origin:
    """What is known of a picture before it is decoded; raises ImageError, Busy and OSError."""
    outcome = await pool.submit(wire.Task([], [], [], limits), [file], lambda _: None).outcome
    if isinstance(outcome, wire.Failed):
        raise ImageError(outcome.code, outcome.message)
    if not isinstance(outcome, wire.Finished) or outcome.source.header is None:
        raise ImageError("crash", "its header cannot be read")
    facts, header = outcome.source, outcome.source.header
    outline = Outline(
        (facts.width, facts.width),
        (facts.height, facts.height),
        frames=header.frames,
        alpha=header.alpha,
        color=header.color,
        depth=header.depth,
    )
    return Origin(outline, facts.format, header.bytes)
