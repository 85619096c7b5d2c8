"""Files whose format or quality is left to us: made one after the other, measured, the best one kept.

What is chosen hangs on the picture and the options alone, never on time: the same input gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import log
from typing import TYPE_CHECKING, Any

from pixelflow.domain.choice import Choice, Trial
from pixelflow.domain.errors import ImageError
from pixelflow.domain.media import BY_NAME
from pixelflow.imaging.encode import encode, on_white
from pixelflow.imaging.likeness import Likeness
from pixelflow.imaging.picture import Picture
from pixelflow.operations.encoding import (
    ALL_DEPTHS,
    DEFAULT_QUALITY,
    LOOKS_ALIKE,
    LOSSY,
    MIN_QUALITY,
    quick_effort,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyvips

    from pixelflow.operations.encoding import Encoding

TOLERANCE = 0.005
"""SSIM by which a file may be worse than the one that it is measured by, and still looks the same."""
_LOOK = {"jpeg": 0, "webp": 0, "avif": -22, "heic": -22, "jxl": 0}
"""The quality that looks like a JPEG's, less that one's; where this is too low for a picture it is raised."""
_RAISES = (0, 8, 16)
_LOSS_PER_QUALITY = (1 - LOOKS_ALIKE - TOLERANCE) / (100 - DEFAULT_QUALITY["jpeg"])
"""SSIM that a photo loses as a JPEG for each step of quality below 100, for the qualities in use."""
_EXACT = frozenset({"png", "apng", "webp", "avif", "tiff", "heic", "jxl"})
"""Formats that have files without loss."""
_TRIES = 12
"""Files made at most for ``max_bytes``: the first half by a guess, the rest halve what is left."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A file; ``choice`` is set where something was chosen."""

    content: bytes
    format: str
    choice: Choice | None = None


def encoded(picture: Picture, name: str, options: Encoding) -> Encoded:
    """The file as the options want it; ``name`` is the format, or ``auto``.

    Raises pyvips.Error, and ImageError (``invalid``) where no file is small enough.
    """
    if not options.searched:
        return Encoded(encode(picture, name, options), name)
    if name != "auto" and name not in LOSSY:
        return _as_it_is(picture, name, options)
    search = _Search.of(picture, name, options)
    file = search.of_any() if name == "auto" else search.fitting(search.of_one(name))
    chosen = file.trial
    choice = Choice(chosen.quality, chosen.score, search.target, tuple(search.tried), search.left_out)
    return Encoded(file.content, chosen.format, choice)


def _as_it_is(picture: Picture, name: str, options: Encoding) -> Encoded:
    """Under ``same`` the source may be of a format that has no quality."""
    content = encode(picture, name, options)
    if options.max_bytes is not None and len(content) > options.max_bytes:
        raise ImageError(
            "invalid",
            f"the {name} has {len(content):,} bytes, more than max_bytes ({options.max_bytes:,}), "
            f"and no quality that could be lowered; choose {', '.join(LOSSY)} or auto",
        )
    return Encoded(content, name, Choice(tried=(Trial(name, len(content)),)))


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    trial: Trial

    @property
    def bytes(self) -> int:
        return len(self.content)

    @property
    def score(self) -> float:
        return self.trial.score if self.trial.score is not None else 1.0


@dataclass(slots=True)
class _Search:
    picture: Picture
    options: Encoding
    moves: bool
    likeness: Likeness
    tried: list[Trial] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    target: float | None = None

    @classmethod
    def of(cls, picture: Picture, name: str, options: Encoding) -> _Search:
        """With the picture evaluated, since it is read again and again."""
        image = picture.image
        if name == "jpeg" and image.hasalpha():
            image = on_white(image)
        elif image.hasalpha() and _opaque(image):
            image = image[: image.bands - 1]
        kept = picture
        if picture.pixels is None or image is not picture.image:
            kept = Picture(image.copy_memory(), picture.size)
        moves = image.get_page_height() < image.height
        target = options.auto_quality.ssim if options.auto_quality else None
        return cls(kept, options, moves, Likeness(kept.image, moves), target=target)

    # One format

    def of_one(self, name: str) -> _File:
        """The file of a lossy format, however large."""
        wanted = self.options.auto_quality
        if wanted is None:
            return self._make(name, self.options.quality or DEFAULT_QUALITY[name])
        low, high, found = wanted.min, wanted.max, None
        file = None
        for left in reversed(range(wanted.encodes)):
            if low > high:
                break
            # The last one is the highest there may be, unless a lower one was good enough.
            middle = high if not left and found is None else (low + high) // 2
            file = self._make(name, middle)
            if file.score >= wanted.ssim:
                found, high = file, middle - 1
            else:
                low = middle + 1
        return found or file or self._make(name, wanted.max)

    def fitting(self, file: _File) -> _File:
        """The file, or the best of its format within ``max_bytes``; raises ImageError when none is."""
        most = self.options.max_bytes
        if most is None or file.bytes <= most:
            return file
        name, top = file.trial.format, file.trial.quality
        if top is None:
            raise _too_large(file, most)
        low = min(self.options.min_quality or MIN_QUALITY, top)
        best = self._make(name, low, look=False)
        if best.bytes > most:
            raise _too_large(best, most)
        high, over = top, file
        for left in reversed(range(_TRIES)):
            if high - low < 2:
                break
            # The logarithm of the size is nearly straight, so that a guess by it is mostly one or two off.
            share = log(most / best.bytes) / log(over.bytes / best.bytes) if left >= _TRIES // 2 else 0.5
            middle = low + min(high - low - 1, max(1, int(share * (high - low))))
            tried = self._make(name, middle, look=False)
            if tried.bytes <= most:
                best, low = tried, middle
            else:
                over, high = tried, middle
        at = self.tried.index(best.trial)
        self.tried[at] = replace(best.trial, score=self.likeness.of(best.content, name))
        return _File(best.content, self.tried[at])

    # Any format

    def of_any(self) -> _File:
        """The smallest that looks the same; raises ImageError when none is within ``max_bytes``."""
        lossy, lossless = self._worth_trying()
        files = [file for name in lossy if (file := self._alike(name))]
        files += [file for name in lossless if (file := self._made(name, None))]
        if not files:
            why = "; ".join(f"{name}: {reason}" for name, reason in self.left_out.items())
            raise ImageError("invalid", f"none of the formats has room for this picture ({why})")
        good = [file for file in files if file.score >= self._bar and self._fits(file)]
        if good:
            return min(good, key=lambda file: file.bytes)
        fitting: list[_File] = []
        refused: list[ImageError] = []
        for file in files:
            try:
                fitting.append(self.fitting(file))
            except ImageError as error:
                refused.append(error)
        if not fitting:
            raise refused[0]
        return max(fitting, key=lambda file: (file.score, -file.bytes))

    @property
    def _bar(self) -> float:
        return (self.target or 0.0) - (TOLERANCE if self.options.auto_quality is None else 0.0)

    def _fits(self, file: _File) -> bool:
        return self.options.max_bytes is None or file.bytes <= self.options.max_bytes

    def _worth_trying(self) -> tuple[Sequence[str], Sequence[str]]:
        """Formats with a quality, the one that the others are measured by first, and those without loss."""
        names = [name for name in self.options.candidates if self._has_room(name)]
        lossy = [] if self.options.lossless else sorted({*names} & {*LOSSY}, key=tuple(_LOOK).index)
        lossless = [name for name in names if name not in LOSSY]
        if self.options.lossless:
            lossless = [name for name in names if name in _EXACT]
            self.left_out |= {name: "it has no lossless files" for name in names if name not in lossless}
        elif lossy and not self.likeness.drawn(lossy[0]):
            kept = [name for name in lossless if name == "gif"]
            self.left_out |= {
                name: "a photo without loss is far larger" for name in lossless if name not in kept
            }
            lossless = kept
        elif "webp" in names:
            lossless = ["webp", *lossless]
        return lossy, lossless

    def _has_room(self, name: str) -> bool:
        known, depth = BY_NAME[name], self.options.bit_depth
        moving = any(BY_NAME[other].animated for other in self.options.candidates)
        if self.moves and moving and not known.animated:
            self.left_out[name] = "it has room for one frame only"
        elif name in {"gif", "apng"} and not self.moves:
            if self.options.formats is not None:
                self.left_out[name] = "it is for animations"
        elif self.picture.image.hasalpha() and not known.alpha:
            self.left_out[name] = "it has no transparency"
        elif self.options.lossless and self.picture.image.format == "ushort" and known.max_depth < 16:
            self.left_out[name] = "it has no 16 bits"
        elif depth is not None and depth > 8 and depth not in ALL_DEPTHS.get(name, ()):
            self.left_out[name] = f"it has no {depth} bits"
        else:
            return True
        return False

    def _alike(self, name: str) -> _File | None:
        """The smallest file of a lossy format that looks as the first format's does, or as told."""
        if self.options.auto_quality:
            return self.of_one(name)
        base = self.options.quality or DEFAULT_QUALITY["jpeg"]
        start = min(100, max(1, base + _LOOK[name]))
        if self.target is None:
            file = self._made(name, start)
            if file is None:
                return None
            # A JPEG of a JPEG may lose next to nothing, which others need not live up to.
            self.target = round(min(file.score, 1 - _LOSS_PER_QUALITY * (100 - base)), 5)
            return file
        smallest = min(trial.bytes for trial in self.tried)
        file = None
        for more in _RAISES:
            if file and (file.score >= self._bar or file.bytes > smallest):
                break
            file = self._made(name, min(100, start + more))
            if file is None:
                break
        return file

    # Files

    def _made(self, name: str, quality: int | None) -> _File | None:
        """Nothing where the picture is not for this format: too long, or in a colour space that it lacks."""
        try:
            return self._make(name, quality)
        except ImageError as error:
            self.left_out[name] = error.detail
            return None

    def _make(self, name: str, quality: int | None, *, look: bool = True) -> _File:
        options = self.options.model_copy(update=self._forced(name, quality))
        content = encode(self.picture, name, options)
        score = self.likeness.of(content, name) if look else None
        self.tried.append(Trial(name, len(content), quality, score))
        return _File(content, self.tried[-1])

    def _forced(self, name: str, quality: int | None) -> dict[str, Any]:
        forced: dict[str, Any] = {"quality": quality}
        if quality is None and name in LOSSY:
            forced["lossless"] = True
        if name == "avif" and self.options.effort is None:
            image = self.picture.image
            forced["effort"] = quick_effort(image.width * image.height)
        return forced


def _too_large(file: _File, most: int) -> ImageError:
    at = f" at quality {file.trial.quality} (min_quality)" if file.trial.quality else ""
    return ImageError(
        "invalid",
        f"the {file.trial.format} has {file.bytes:,} bytes{at}, more than max_bytes ({most:,}); "
        "make the picture smaller or allow more",
    )


def _opaque(image: pyvips.Image) -> bool:
    return bool(image[image.bands - 1].min() == (65535 if image.format == "ushort" else 255))
