"""A file as it was sent: judged by its header, then decoded once, as small as its pipeline allows."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from mmap import MAP_POPULATE, MAP_PRIVATE, PROT_READ, mmap
from os import fstat
from typing import TYPE_CHECKING, Any, Literal

import pyvips

from pixelflow.domain.errors import ImageError
from pixelflow.domain.installed import advice, readable
from pixelflow.domain.media import BY_NAME, SNIFF_BYTES, sniff
from pixelflow.imaging import jpeg, srgb
from pixelflow.imaging.decoders import motion
from pixelflow.imaging.decoders.choice import DECODERS
from pixelflow.imaging.decoders.view import WHOLE, View
from pixelflow.imaging.limits import check_bytes, check_picture
from pixelflow.imaging.picture import Picture, Pixels
from pixelflow.operations import gain_map
from pixelflow.operations.frames import PAGE_HEIGHT
from pixelflow.operations.profiles import PROFILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixelflow.domain.limits import ImageLimits
    from pixelflow.imaging.decoders.opened import Opened

LOADERS = {
    "jpeg": "jpeg",
    "png": "png",
    "apng": "png",
    "webp": "webp",
    "gif": "gif",
    "tiff": "tiff",
    "avif": "heif",
}
"""libvips' name of the loader for each format that it reads, of APNG the first frame."""
STREAM_PIXELS = 2_000_000
"""A JPEG of more pixels is streamed rather than held whole, where it can be."""
STREAM_SHRUNK_PIXELS = 24_000_000
"""The same for one that was shrunk while decoding: it is scaled faster from memory."""

Reading = Literal["memory", "stream", "lazy"]
"""All at once; once from top to bottom, as rows are asked for; all of it, when the first row is asked for."""

_GAIN_MAPS = (b"hdr-gain-map", b"urn:iso:std:iso:ts:21496")
"""What a JPEG with a gain map says: in XMP, or as ISO 21496-1 has it."""
_TURNED = range(5, 9)
"""EXIF orientations whose upright picture has its sides swapped."""


@contextmanager
def mapped(descriptor: int, limits: ImageLimits) -> Iterator[mmap]:
    """The file's bytes without a copy; raises ImageError for an empty one and one that is too large."""
    size = fstat(descriptor).st_size
    check_bytes(size, limits)
    if not size:
        raise ImageError("unsupported", "the file is empty")
    data = mmap(descriptor, size, flags=MAP_PRIVATE | MAP_POPULATE, prot=PROT_READ)
    try:
        yield data
    finally:
        # An image that was not let go of yet still looks at it, and unmaps it when it goes.
        with suppress(BufferError):
            data.close()


@dataclass(frozen=True, slots=True)
class Source:
    """What a header says, within the limits; sides in pixels of one frame, upright."""

    data: mmap
    format: str
    width: int
    height: int
    frames: int
    orientation: int
    plain: jpeg.Header | None
    """Set for a JPEG that libjpeg-turbo can decode without libvips."""
    head: pyvips.Image | None
    """Set for what else libvips decodes: opened for one reading from the top, no pixel decoded yet."""
    limits: ImageLimits
    opened: Opened | None = None
    """Set for what libvips does not decode, and then for all frames of an APNG."""
    pages: int = 1
    view: View = WHOLE

    @property
    def turned(self) -> bool:
        """Whether the stored picture lies on its side."""
        return self.orientation in _TURNED

    def decode(
        self,
        shrink: float,
        *,
        reading: Reading,
        animated: bool,
        metadata: bool,
        scaled: bool = False,
        own: bool = False,
        hdr: bool = False,
    ) -> tuple[Picture, Reading]:
        """The picture, still to be finished, at most ``shrink`` times smaller on each side than it is.

        ``scaled`` says that it will only be scaled as a whole, from what it truly fills; ``own`` leaves its
        colours in the space of their profile where ``srgb.own`` does; ``hdr`` brings the gain map of an
        Ultra HDR picture along. Also says how it is read in fact. Raises ImageError when the file is
        damaged; a stream or a lazy image tells so only when it is read.
        """
        large = self.format == "jpeg" and self.width * self.height >= jpeg.NEAR_PIXELS
        # A side of no pixels is none that a decoder makes.
        shrink = min(shrink, self.width, self.height)
        by = jpeg.factor(shrink, near=scaled and large)
        if self.plain is not None and not metadata:
            most = STREAM_SHRUNK_PIXELS * by * by if by > 1 else STREAM_PIXELS
            small = self.width * self.height <= most
            if (small or reading != "stream") and (pixels := jpeg.decode(self.data, self.plain, by)):
                return self._picture(self._profiled(pixels), by, own=own), "memory"
        animated = animated and self.frames > 1
        if self.opened is not None and (animated or self.head is None):
            image = self.opened.read(animated)
            return self._picture(self.opened.dressed(image), 1, own=own), "memory"
        options: dict[str, Any] = {"page": self.view.page} if self.view.page else {}
        if by > 1 and self.format == "jpeg":
            options["shrink"] = by
        elif by > 1 and self.format == "webp" and self.frames == 1:
            options["scale"] = 1 / by
        if animated:
            options["n"] = -1
        if hdr and (found := self._with_gain_map(by, options)) is not None:
            image = found
        elif self.head is None or options or reading == "lazy":
            image = _open(self.data, self.format, stream=reading != "lazy", **options)
        else:
            image = self.head
        if "n" not in options and image.get_typeof(PAGE_HEIGHT):
            image = image.copy()
            image.remove(PAGE_HEIGHT)
        try:
            image = image.copy_memory() if reading == "memory" else image
            once = reading == "stream"
            return self._picture(image, by if "shrink" in options else 1, own=own, once=once), reading
        except pyvips.Error as error:
            raise damaged(self.format, error) from error

    def page(self, view: View) -> pyvips.Image:
        """Another page of it, or the same one drawn at another size: upright and in sRGB.

        Raises ImageError.
        """
        source = open_source(self.data, self.limits, view)
        picture, _ = source.decode(1.0, reading="memory", animated=False, metadata=True)
        picture.finish()
        return picture.image

    def _with_gain_map(self, by: int, options: dict[str, Any]) -> pyvips.Image | None:
        """An Ultra HDR picture, decoded; ``None`` for any other one, and where its gain map is of no use."""
        if self.format != "jpeg" or not any(self.data.find(mark) >= 0 for mark in _GAIN_MAPS):
            return None
        try:
            image = pyvips.Operation.call(
                "uhdrload_source",
                pyvips.Source.new_from_memory(self.data),
                access="sequential",
                fail_on="error",
                **options,
            )
            return gain_map.opened(image, (image.width * by, image.height * by))
        except pyvips.Error:
            return None

    def check(self) -> None:
        """Read what libvips streams once more, from top to end; raises ImageError where it is damaged."""
        if self.format not in LOADERS:
            return
        options = {"page": self.view.page} if self.view.page else {}
        if self.frames > 1 and self.opened is None:
            options["n"] = -1
        try:
            _open(self.data, self.format, stream=True, **options).avg()
        except pyvips.Error as error:
            raise damaged(self.format, error) from error

    def header(self) -> pyvips.Image:
        """The file as libvips sees it, for its metadata."""
        if self.opened is not None and self.head is None:
            return self.opened.header()
        return self.head if self.head is not None else _open(self.data, self.format, stream=True)

    def _picture(self, content: pyvips.Image | Pixels, by: int, *, own: bool, once: bool = False) -> Picture:
        """What was decoded, each side ``by`` times smaller."""
        across, down = (self.height, self.width) if self.turned else (self.width, self.height)
        finished = isinstance(content, Pixels) and self.orientation == 1
        return Picture(
            content,
            (self.width, self.height),
            None if finished else partial(self._finished, own=own),
            filled=(across / by, down / by) if by > 1 else None,
            turns=self.orientation != 1,
            once=once,
        )

    def _finished(self, image: pyvips.Image, *, own: bool) -> pyvips.Image:
        image = srgb.own(image) if own else srgb.convert(image)
        if self.orientation == 1 or self.frames > 1:
            return image
        # Turning reads out of order, which would compute a lazy image again and again.
        image = gain_map.upright(image.copy_memory(), self.orientation).copy()
        image.set_type(pyvips.GValue.gint_type, "orientation", self.orientation)
        return image.autorot()

    def _profiled(self, pixels: Pixels) -> pyvips.Image | Pixels:
        assert self.plain is not None
        if self.plain.profile is None or srgb.is_srgb(self.plain.profile):
            return pixels
        image = pixels.image
        image.set_type(pyvips.GValue.blob_type, PROFILE, self.plain.profile)
        return image


def open_source(data: mmap, limits: ImageLimits, view: View = WHOLE) -> Source:
    """Judge a file by its header alone; raises ImageError (``unsupported``, ``corrupt``, ``limit``)."""
    kind = sniff(data[:SNIFF_BYTES])
    if kind == "avif" and motion.is_sequence(data):
        return _opened(data, kind, motion.avif(data, limits), limits)
    if kind is not None and kind in DECODERS:
        return _opened(data, kind, DECODERS[kind](data, limits, view), limits)
    if kind is None or kind not in LOADERS:
        found = f"a {kind} file, and {advice(kind)}" if kind else "not an image of a known kind"
        raise ImageError("unsupported", f"the file is {found}; read are {', '.join(sorted(readable()))}")
    plain = jpeg.read(data) if kind == "jpeg" else None
    if plain is not None:
        check_picture(plain.width, plain.height, limits, bands=plain.components)
        size = _upright((plain.width, plain.height), plain.orientation)
        return Source(data, kind, *size, 1, plain.orientation, plain, None, limits)
    return _loaded(data, kind, limits, view)


def _loaded(data: mmap, kind: str, limits: ImageLimits, view: View) -> Source:
    pages = 1
    if kind == "tiff":
        # The pages of a document are no frames.
        pages = _number(_open(data, kind, stream=True), "n-pages", 1)
        view.check_page(pages)
    head = _open(data, kind, stream=True, **({"page": view.page} if view.page else {}))
    orientation = _number(head, "orientation", 1)
    frames = motion.apng_frames(data) if kind == "png" else 1
    kind = "apng" if frames > 1 else kind
    if kind != "apng" and BY_NAME[kind].animated:
        frames = _number(head, "n-pages", 1)
    check_picture(head.width, head.height, limits, frames=frames, bands=head.bands)
    opened = motion.apng(data, frames, limits) if kind == "apng" else None
    size = head.width, head.height
    if frames == 1:
        size = _upright(size, orientation)
    return Source(data, kind, *size, frames, orientation, None, head, limits, opened, pages, view)


def _opened(data: mmap, kind: str, opened: Opened, limits: ImageLimits) -> Source:
    size = opened.width, opened.height
    if min(size) < 1:
        raise ImageError("corrupt", f"the {kind} file is truncated or damaged (a side of no pixels)")
    if opened.frames == 1:
        size = _upright(size, opened.orientation)
    frames, orientation = opened.frames, opened.orientation
    return Source(data, kind, *size, frames, orientation, None, None, limits, opened, opened.pages)


def _upright(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return (size[1], size[0]) if orientation in _TURNED else size


def damaged(kind: str, error: pyvips.Error) -> ImageError:
    """What a loader complains of, as one sentence."""
    return ImageError("corrupt", f"the {kind} file is truncated or damaged ({complaint(error)})")


def complaint(error: pyvips.Error) -> str:
    """The first of libvips' own words on an error, which name the codec."""
    lines = (line.strip() for line in str(error.detail).splitlines())
    first = next((line for line in lines if line), error.message)
    return "".join(c for c in first if c.isprintable())[:160]


def _open(data: mmap, kind: str, *, stream: bool, **options: Any) -> pyvips.Image:
    access: dict[str, Any] = {"access": "sequential"} if stream else {"memory": True}
    try:
        return pyvips.Operation.call(
            f"{LOADERS[kind]}load_source",
            pyvips.Source.new_from_memory(data),
            fail_on="error",
            **access,
            **options,
        )
    except pyvips.Error as error:
        raise damaged(kind, error) from error


def _number(image: pyvips.Image, field: str, default: int) -> int:
    return int(image.get(field)) if image.get_typeof(field) else default
