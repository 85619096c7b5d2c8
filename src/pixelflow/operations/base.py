"""What every operation is."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from pixelflow.operations.described import Described

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyvips

    from pixelflow.operations.encoding import Encoding
    from pixelflow.operations.outline import Outline

Percent = Annotated[str, Field(pattern=r"^\d{1,5}(\.\d{1,3})?%$", examples=["50%"])]
Length = Annotated[int, Field(ge=1, le=65535)] | Percent
"""Whole pixels, or a percentage of the picture's side."""


@dataclass(frozen=True, slots=True)
class Context:
    """What an operation may need beyond its parameters and the image."""

    assets: Mapping[str, pyvips.Image] = field(default_factory=dict)
    """The pictures that the step refers to, by reference: upright and in sRGB or grey; of a file the
    first frame."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the source said of itself before anything was applied: format, width, height, frames, exif, …"""
    step: str = ""
    """The step's id, for errors alone: what is made is the same for equal steps, whatever they are called."""
    size: tuple[int, int] = (0, 0)
    """The true width and height of one frame of the picture handed in, as if nothing had been shrunk while
    decoding; a scaling operation computes its target from this, never from the picture."""
    original: bool = True
    """Whether the picture handed in is the source's own, to which no step has been applied."""
    page: Callable[[int, float | None], pyvips.Image] | None = None
    """A page of the source by its number, from 0, drawn at so many dots an inch; set where the picture handed
    in is the source's own, and has pages or is drawn."""
    encode: Callable[[pyvips.Image, Encoding], tuple[bytes, str]] | None = None
    """A picture's file and the name of its format, for operations that write files of their own."""


class Operation(Described):
    """One thing that can be done to a picture; the fields are its parameters.

    ``apply`` gets the whole picture in sRGB (or grey), upright, of any depth, with or without alpha; an
    animation comes as libvips has it, all frames below each other with ``page-height`` set. It raises
    ImageError (code ``invalid``) for a picture that it cannot take.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        defer_build=True,
    )

    action: ClassVar[str]
    family: ClassVar[str]
    animated: ClassVar[bool] = True
    """Whether it works on every frame of an animation."""
    produces: ClassVar[Literal["image", "json", "zip"]] = "image"
    needs_metadata: ClassVar[bool] = False
    """Whether it reads or writes EXIF, XMP, IPTC or ICC fields, which are otherwise not carried along."""
    refers_in: ClassVar[str] = "image"
    """The parameter that holds what ``needs`` names."""
    moves: ClassVar[bool] = False
    """Whether it makes an animation of stills too; its format then is WebP by default."""
    streams: ClassVar[bool] = False
    """Whether it reads the picture once, from its top: a large one then need not lie in memory as a whole."""
    chooses_frames: ClassVar[bool] = False
    """Whether it needs all frames of the source, even where the output has room for one only."""

    cacheable: ClassVar[bool] = True
    """Whether the same picture and the same parameters always give the same result."""

    wants_colors: ClassVar[bool] = False
    """Whether it has a use for colours outside of sRGB: then a source keeps its own up to it, if it can."""

    @property
    def leaves_colors(self) -> bool:
        """Whether it does the same in every colour space, CMYK included, so that none is converted for it."""
        return False

    @property
    def wants_gain_map(self) -> bool:
        """Whether it keeps the gain map of an Ultra HDR JPEG, which is otherwise not read."""
        return False

    def unwritable(self, name: str) -> str | None:
        """Why its result, whatever follows, cannot be a file of this format; empty if it can, ``None`` where
        the steps before it decide."""
        return None

    @property
    def pure_resize(self) -> bool:
        """Whether it only scales the whole picture down to ``target``, so that a smaller sibling will do."""
        return False

    @property
    def cuts(self) -> bool:
        """Whether it may do without the picture's last rows."""
        return False

    def scaled(self, width: int, height: int) -> tuple[int, int] | None:
        """The size in pixels to which it first scales the whole frame down by Lanczos, if it does so.

        ``apply`` may be handed the picture at this size already.
        """
        return self.target(width, height) if self.pure_resize else None

    def target(self, width: int, height: int) -> tuple[int, int]:
        """The result's exact size in pixels for a frame of this true size; what it does not change stays."""
        return width, height

    def outline(self, given: Outline, others: Mapping[str, Outline]) -> Outline:
        """The result's shape for a picture of this one; by default ``target``, and all else stays.

        ``others`` are those of the pictures that it ``needs``, as far as they are known. Raises ImageError as
        ``apply`` would, where that is known already.
        """
        return given.resized(self.target)

    def shrink(self, width: int, height: int) -> float:
        """By how much a picture of this size may be shrunk while decoding without loss; 1.0 is not at all."""
        return 1.0

    def reference_size(self, width: int, height: int) -> tuple[int, int]:
        """The size in pixels to which it first scales a picture of this one that it ``needs``, if down.

        ``apply`` may find it at this size already.
        """
        return width, height

    def needs(self) -> frozenset[str]:
        """References to the pictures that it needs beside the one it takes."""
        return frozenset()

    @abstractmethod
    def apply(self, image: pyvips.Image, context: Context) -> Any:
        """The result: an image, for ``produces = "json"`` what the JSON output says, ``"zip"`` bytes."""


def pixels(length: int | str, side: int) -> int:
    """A ``Length`` in whole pixels of a side, at least 1."""
    if isinstance(length, str):
        return max(1, round(side * float(length.rstrip("%")) / 100))
    return length
