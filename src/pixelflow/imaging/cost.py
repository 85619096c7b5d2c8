"""What a pipeline will cost: CPU seconds, memory and bytes, estimated from shapes alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pixelflow.imaging import codec_prices, prices
from pixelflow.imaging.plan import derivations
from pixelflow.imaging.prices import MEGAPIXEL
from pixelflow.operations.encoding import DEFAULT_QUALITY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pixelflow.imaging.plan import Work
    from pixelflow.operations.encoding import Encoding
    from pixelflow.operations.outline import Outline
    from pixelflow.operations.pipeline import Step

BASE_BYTES = 320 * 1024 * 1024
"""Address space of a decoder that does nothing, some 205 MB, with room for the extras and its threads."""
COPIES = 1.3
"""Pictures lie in memory as often as told, and pieces of them in libvips' buffers."""
FEW_COLORS = 0.15
"""What came from a GIF has hardly more colours than go into one."""
ALIKE = {"avif": 0.25}
"""A frame is quicker to write than a still, by 0.6 elsewhere: most of it is like the one before."""
PLAINER = {"blur": 0.35, "pixelate": 0.35, "median": 0.75}
"""What is left of a file's bytes where detail is taken out of the picture."""
AS_IT_IS = frozenset({"resize", "thumbnail", "zoom", "crop", "pad", "extend"})
"""What hands the picture on where its shape is what was asked for already."""
MODELLED = frozenset({"avif", "heic"})
"""Formats that are quicker to decode where there is little to see."""
SHRINKS = (8, 4, 2)
"""As ``jpeg.FACTORS``, for sources that have twice as many times the pixels that are wanted."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a decoder begins with, of ``frames`` frames that are decoded; ``bytes`` is ``None`` if unknown."""

    outline: Outline
    format: str | None
    bytes: int | None
    converted: bool
    cmyk: bool
    turned: bool

    @property
    def bits_a_pixel(self) -> float | None:
        """Of the file, for each pixel of each frame."""
        return None if self.bytes is None else self.bytes * 8 / (_megapixels(self.outline) * MEGAPIXEL)

    @property
    def busy(self) -> float:
        """How much more there is to see in it than in most photographs, as its own file tells."""
        usual = BITS.get(self.format or "")
        if self.bits_a_pixel is None or usual is None:
            return 1.0
        return min(3.0, max(0.005, self.bits_a_pixel / usual))

    @property
    def ease(self) -> float:
        """By how much what hangs on that takes more or less time."""
        return float(min(1.2, max(0.3, self.busy**0.3)))

    @property
    def repetition(self) -> float:
        """The same for a codec that looks for what comes again."""
        return float(min(1.1, self.busy**0.6))


@dataclass(frozen=True, slots=True)
class Cost:
    """Of an output: its file, what it adds to the job's CPU time, and the most memory while it is made."""

    bytes: int | None
    cpu_seconds: float
    memory_bytes: int


@dataclass(slots=True)
class _Walk:
    """As the pictures are made: depth first, each work once."""

    source: Source
    outlines: Mapping[str, Outline]
    formats: Mapping[str, str | None]
    costs: dict[str, Cost] = field(default_factory=dict)
    milliseconds: float = codec_prices.STARTING
    """Spent on what no output was charged for yet."""
    memory: float = 0.0
    seen: dict[str | None, float] = field(default_factory=dict)
    """Of each result, the share that shows the picture and not a flat colour beside it."""

    def works(self, works: Sequence[Work], taken: Outline, held: float, taken_id: str | None = None) -> None:
        """What is done to one picture, while others of ``held`` bytes are kept."""
        held += _bytes(taken)
        for work, sibling in derivations(works, taken.most):
            given = self.outlines.get(sibling.id, taken) if sibling else taken
            self.work(work, given, held, taken_id)

    def work(self, work: Work, given: Outline, held: float, taken_id: str | None) -> None:
        """One operation, the files that are written of it, and what follows from it."""
        image = work.operation.produces == "image"
        made = self.outlines.get(work.id) if image else given
        if made is None:
            return
        pixels = _megapixels(given), _megapixels(made) if image else 0.0
        left = _share_left(work.operation, given, made) if image else 1.0
        price = prices.of_operation(work.operation, pixels[0] / (given.frames or 1))
        if work.operation.family == "resizing" and pixels[1] * left > pixels[0]:
            price = prices.ENLARGING
        if made == given and work.operation.action in AS_IT_IS:
            price = prices.Price(0.1)
        spent = price.milliseconds(given, made, (pixels[0], pixels[1] * left))
        self.milliseconds += spent * (self.source.ease if price.busy else 1)
        self.seen[work.id] = seen = self.seen.get(taken_id, 1.0) * left
        self.memory = max(self.memory, held + 2 * _bytes(made))
        for step in work.steps:
            if step.output:
                self._write(step, made, held + _bytes(made), seen)
        if work.takers:
            self.works(work.takers, made, held, work.id)

    def _write(self, step: Step, made: Outline, held: float, seen: float) -> None:
        name, image = self.formats[step.id], step.operation.produces == "image"
        size: int | None = 400 if name == "json" else None
        if image:
            frames = made.frames or 1
            frame = made.most[0] * made.most[1] / MEGAPIXEL
            without_loss = step.encoding.lossless or step.encoding.near_lossless
            repeats = without_loss or name == "gif"
            ease = self.source.repetition if repeats else self.source.ease
            ease *= FEW_COLORS if repeats and self.source.format == "gif" else 1.0
            ease *= (0.08 + 0.92 * seen) * (ALIKE.get(name or "", 0.6) if frames > 1 else 1.0)
            self.milliseconds += codec_prices.of_encoding(name, step.encoding, made, frame) * frames * ease
            held += ENCODING_BYTES.get(name or "", 45.0) * frame * frames * MEGAPIXEL
            if without_loss or (name in {"webp", None} and made.alpha is not False):
                held += LOSSLESS_BYTES * frame * MEGAPIXEL
            seen *= PLAINER.get(step.operation.action, 1.0)
            size = size_of(name, step.encoding, made, self.source, seen)
        memory = BASE_BYTES + (self.source.bytes or 0) + COPIES * max(self.memory, held)
        self.costs[step.id] = Cost(size, round(self.milliseconds / 1000, 4), round(memory))
        self.milliseconds = 0.0


ENCODING_BYTES = {"jpeg": 4.0, "png": 12.0, "webp": 12.0, "avif": 45.0, "gif": 20.0, "tiff": 8.0}
"""What a codec takes for each pixel beside the picture."""
LOSSLESS_BYTES = 36.0
"""The same where it is without loss, which WebP's alpha always is."""


def costs(
    works: Sequence[Work], source: Source, outlines: Mapping[str, Outline], formats: Mapping[str, str | None]
) -> Mapping[str, Cost]:
    """By the id of each step with an output, of which ``outlines`` and ``formats`` tell what it makes."""
    walk = _Walk(source, outlines, formats)
    given = _decode(walk, works)
    walk.memory = _bytes(given) * (2 if source.converted or source.turned else 1)
    walk.works(works, given, 0.0)
    return walk.costs


def size_of(
    name: str | None, options: Encoding, made: Outline, source: Source, seen: float = 1.0
) -> int | None:
    """About how many bytes a file will have; ``None`` where the size is not known.

    ``seen`` is the share of it that shows the picture and not a flat colour.
    """
    if made.size is None:
        return None
    bits = BITS.get(name or "webp", 2.0)
    if name in {"jpeg", "webp", "avif"}:
        quality = options.quality or DEFAULT_QUALITY[name]
        bits *= _QUALITY[min(100, quality) // 10] / _QUALITY[DEFAULT_QUALITY[name] // 10]
        bits = 9.0 if options.lossless else 7.0 if options.near_lossless else bits
    bands = (3 if made.color else 1) + (made.alpha is not False)
    if name in {"png", "tiff"}:
        bits *= bands / 3 * (2 if made.depth == 16 and options.bit_depth in {None, 16} else 1)
        bits = 5.0 if options.palette else bits
    area = made.size[0] * made.size[1]
    found = area * (made.frames or 1) * bits / 8 * float((area / MEGAPIXEL) ** -0.06)
    size = 100 + found * source.busy * (0.02 + 0.98 * seen)
    return round(min(size, options.max_bytes or size))


BITS = {
    "jpeg": 1.7,
    "png": 17.0,
    "apng": 17.0,
    "webp": 1.3,
    "avif": 0.75,
    "heic": 0.75,
    "gif": 5.6,
    "tiff": 14.0,
}
"""Bits for each pixel of a photograph of a megapixel at the default quality."""
_QUALITY = (0.3, 0.35, 0.45, 0.55, 0.65, 0.8, 0.9, 1.0, 1.25, 2.0, 5.0)
"""Size by tens of quality, of that at 70."""


def _share_left(operation: Any, given: Outline, made: Outline) -> float:
    """Of what an operation shows of a picture, the share in what it makes; the rest is one flat colour."""
    if operation.action == "resize" and operation.fit == "contain" and operation.background != "blur":
        if not (given.size and operation.width is not None and operation.height is not None):
            return 1.0
        scaled = operation.plan(*given.size).scaled
        return float(scaled[0] * scaled[1] / (made.most[0] * made.most[1]))
    flat = operation.action == "border" or getattr(operation, "mode", None) == "background"
    return min(1.0, _megapixels(given) / _megapixels(made)) if flat else 1.0


def _decode(walk: _Walk, works: Sequence[Work]) -> Outline:
    """The picture as it is decoded, as small as all that is done to it allows."""
    source = walk.source
    most = source.outline.most
    takers = [work for work, sibling in derivations(works, most) if sibling is None]
    by = 1
    if source.format in {"jpeg", "webp"} and source.outline.frames == 1:
        shrink = min(work.operation.shrink(*most) for work in takers)
        scaled = all(work.operation.scaled(*most) for work in takers)
        by = next((each for each in SHRINKS if shrink >= 2 * each), 2 if scaled and shrink >= 3.7 else 1)
    given = source.outline.resized(lambda width, height: (-(-width // by), -(-height // by)))
    full, decoded = _megapixels(source.outline), _megapixels(given)
    bands = (3 if given.color else 1) + (given.alpha is not False)
    spent = codec_prices.of_decoding(source.format, full, decoded, bands, source.bits_a_pixel)
    spent *= source.ease if source.format in MODELLED else 1.0
    smallest = decoded
    if all(work.operation.pure_resize for work in takers):
        smallest = sum(_megapixels(walk.outlines[work.id]) for work in takers if work.id in walk.outlines)
    spent += codec_prices.PROFILE * source.converted
    spent += (codec_prices.CONVERTING * source.converted + codec_prices.TURNING * source.turned) * smallest
    apart = sum(work.operation.pure_resize for work in takers)
    times = apart + (apart < len(takers))
    walk.milliseconds += spent + codec_prices.CMYK * source.cmyk * times
    return given


def _megapixels(outline: Outline) -> float:
    width, height = outline.most
    return width * height * (outline.frames or 1) / MEGAPIXEL


def _bytes(outline: Outline) -> float:
    bands = (3 if outline.color else 1) + (outline.alpha is not False)
    return _megapixels(outline) * MEGAPIXEL * bands * (2 if outline.depth == 16 else 1)
