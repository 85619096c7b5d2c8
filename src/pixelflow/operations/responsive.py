"""All that a web page needs to show a picture at the size and in the format that suits each visitor."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pixelflow.domain.media import BY_NAME, extension, media_type
from pixelflow.operations.base import Context, Operation
from pixelflow.operations.encoding import DEFAULT_QUALITY, EFFORT, Allowed, Encoding, quick_effort
from pixelflow.operations.fingerprints import Blurhash, Thumbhash
from pixelflow.operations.frames import first_frame, frame_size
from pixelflow.operations.problems import Contradiction
from pixelflow.operations.resampling import resample, resample_strip
from pixelflow.operations.tiles import zipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyvips

HEADROOM = 2
"""A size is made from the next one that has at least so many times its sides, so that the kernel decides how
good it is."""
MAX_FILES = 100
_TINY_SIDE = 16
"""Longer side in pixels of the picture inside the data URI."""
_TINY_QUALITY = 40


def _listed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _apart(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) < len(values):
        raise ValueError("one is named twice")
    return values


def _rising(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(sorted(set(values)))


Widths = Annotated[
    tuple[Annotated[int, Field(ge=1, le=16_384)], ...],
    BeforeValidator(_listed),
    Field(min_length=1, max_length=24),
    AfterValidator(_rising),
]
Densities = Annotated[
    tuple[Annotated[float, Field(ge=0.5, le=8)], ...],
    BeforeValidator(_listed),
    Field(min_length=1, max_length=6),
    AfterValidator(_rising),
]
Formats = Annotated[
    tuple[Allowed, ...], BeforeValidator(_listed), AfterValidator(_apart), Field(min_length=1, max_length=6)
]


@dataclass(frozen=True, slots=True)
class _File:
    """One of the pictures; sides in pixels of one frame, ``density`` where it is told by that."""

    name: str
    format: str
    width: int
    height: int
    density: str
    content: bytes


class ResponsiveSet(Operation):
    """Make one picture in several widths and formats, with the `<picture>` element that offers them.

    The zip holds the files, `picture.html` with the element, and `manifest.json` with each file's format,
    sides, bytes and SHA-256, the element, and placeholders: BlurHash, ThumbHash and a tiny picture as a
    data URI. Nothing is enlarged: the picture's own width stands for all that are larger. A moving picture is
    written in formats that have room for its frames.
    """

    action = "responsive_set"
    family = "sets"
    produces: ClassVar[Literal["image", "json", "zip"]] = "zip"
    chooses_frames = True

    widths: Widths = (320, 640, 960, 1280, 1920)
    """In pixels at a density of 1."""
    dprs: Densities = (1.0,)
    """Densities: each width is made for each of them. One width is offered by density (`2x`), several by
    their width (`640w`)."""
    formats: Formats | None = None
    """Best first; the last one is for those who know none of the others. By default avif, webp and jpeg, png
    instead of jpeg where the picture is transparent, webp and gif where it moves."""
    quality: int | None = Field(default=None, ge=1, le=100)
    """Of lossy formats; by default 80 for JPEG and WebP, 50 for AVIF."""
    effort: int | None = Field(default=None, ge=0, le=10)
    """How hard to try for smaller files; by default as for any step, but less for AVIF."""
    name: str = Field(default="image", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", examples=["image"])
    """What the files' names begin with."""
    base_url: str = Field(
        default="", pattern=r"^[A-Za-z0-9:/?#@!$&()*+;=._~%-]*$", max_length=500, examples=["/pictures/"]
    )
    """What stands before the names in the element."""
    alt: str = Field(default="", max_length=1000)
    """What the picture shows, for those who cannot see it."""
    sizes: str = Field(default="100vw", min_length=1, max_length=500, examples=["100vw"])
    """How wide it is shown, as the `sizes` attribute has it."""
    loading: Literal["lazy", "eager"] = "lazy"
    """When browsers fetch it."""
    placeholder: Literal["data_uri", "none"] = "data_uri"
    """What the element shows before it has come: the tiny picture, unless it is transparent, or nothing."""

    @model_validator(mode="after")
    def _consistent(self) -> ResponsiveSet:
        files = len(self.widths) * len(self.dprs) * len(self.formats or (1, 2, 3))
        if files > MAX_FILES:
            raise Contradiction(
                f"these are {files} files, more than {MAX_FILES}", "widths", "dprs", "formats"
            )
        if (
            self.formats
            and self.quality is not None
            and not any(each in DEFAULT_QUALITY for each in self.formats)
        ):
            raise Contradiction(f"quality has no meaning for {', '.join(self.formats)}", "quality", "formats")
        return self

    def scaled(self, width: int, height: int) -> tuple[int, int] | None:
        largest = self._wanted(width)[-1]
        return (largest, _height(largest, (width, height))) if largest < width else None

    def shrink(self, width: int, height: int) -> float:
        return max(1.0, width / self._wanted(width)[-1])

    def apply(self, image: pyvips.Image, context: Context) -> bytes:
        size = context.size if context.size[0] else frame_size(image)
        pictures = list(_scaled(image, size, self._wanted(size[0])))
        smallest = first_frame(pictures[-1])
        files = [
            self._file(picture, name, context)
            for name in self._fitting(pictures[-1])
            for picture in reversed(pictures)
        ]
        placeholders = self._placeholders(smallest, context)
        element = self._element(files, placeholders["data_uri"] if not smallest.hasalpha() else "")
        told = {
            "width": size[0],
            "height": size[1],
            "alt": self.alt,
            "sizes": self.sizes,
            "placeholders": placeholders,
            "files": [_told(file) for file in files],
            "html": element,
        }
        return zipped(
            [
                *((file.name, file.content) for file in files),
                ("manifest.json", json.dumps(told, indent=2, ensure_ascii=False).encode()),
                ("picture.html", element.encode()),
            ]
        )

    def _wanted(self, width: int) -> Sequence[int]:
        """The widths that are made of a picture of this one, rising; all that are larger become its own."""
        return sorted({min(width, max(1, round(each * dpr))) for each in self.widths for dpr in self.dprs})

    def _fitting(self, image: pyvips.Image) -> Sequence[str]:
        moves = image.get_page_height() < image.height
        if self.formats is None:
            return ("webp", "gif") if moves else ("avif", "webp", "png" if image.hasalpha() else "jpeg")
        if moves:
            return [name for name in self.formats if BY_NAME[name].animated] or self.formats
        # Both are called .png, and an APNG of one frame is one.
        return [name for name in self.formats if name != "apng"] or self.formats

    def _file(self, picture: pyvips.Image, name: str, context: Context) -> _File:
        width, height = frame_size(picture)
        content, written = _encode(context, picture, self._encoding(picture, name))
        density = f"{round(width / self.widths[0], 2):g}x" if len(self.widths) == 1 else ""
        return _File(f"{self.name}-{width}.{extension(written)}", written, width, height, density, content)

    def _encoding(self, picture: pyvips.Image, name: str) -> Encoding:
        options: dict[str, Any] = {"format": name}
        if name in DEFAULT_QUALITY:
            options["quality"] = self.quality
        if name in EFFORT and self.effort is not None:
            least, most, _ = EFFORT[name]
            options["effort"] = min(most, max(least, self.effort))
        elif name == "avif":
            options["effort"] = quick_effort(picture.width * picture.height)
        return Encoding(**options)

    def _placeholders(self, smallest: pyvips.Image, context: Context) -> dict[str, str]:
        longer = max(smallest.width, smallest.height)
        sides = (max(1, round(side * _TINY_SIDE / longer)) for side in (smallest.width, smallest.height))
        tiny = resample(smallest, *sides) if longer > _TINY_SIDE else smallest
        content, _ = _encode(context, tiny, Encoding(format="webp", quality=_TINY_QUALITY))
        return {
            "blurhash": str(Blurhash().apply(smallest, context)["blurhash"]),
            "thumbhash": str(Thumbhash().apply(smallest, context)["thumbhash"]),
            "data_uri": f"data:image/webp;base64,{b64encode(content).decode()}",
        }

    def _element(self, files: Sequence[_File], behind: str) -> str:
        """The element, the fallback last (HTML, 4.8.1)."""
        offers = [list(each) for _, each in groupby(files, lambda file: file.format)]
        *others, last = offers
        lines = ["<picture>"]
        for offer in others:
            told = {
                "type": media_type(offer[0].format),
                "srcset": self._offered(offer),
                "sizes": self._shown(offer),
            }
            lines.append(f"  <source{_attributes(told)}>")
        least = self.widths[0] if last[0].density else last[-1].width / 2
        shown = next((file for file in last if file.width >= least), last[-1])
        fills = shown if shown.density else last[-1]
        style = (
            f"background: url({behind}) center / cover no-repeat"
            if self.placeholder != "none" and behind
            else None
        )
        told = {
            "src": self.base_url + shown.name,
            "srcset": self._offered(last),
            "sizes": self._shown(last),
            "width": str(fills.width),
            "height": str(fills.height),
            "alt": self.alt,
            "loading": self.loading,
            "decoding": "async",
            "style": style,
        }
        return "\n".join([*lines, f"  <img{_attributes(told)}>", "</picture>", ""])

    def _offered(self, offer: Sequence[_File]) -> str:
        return ", ".join(f"{self.base_url}{file.name} {file.density or f'{file.width}w'}" for file in offer)

    def _shown(self, offer: Sequence[_File]) -> str | None:
        return None if any(file.density for file in offer) else self.sizes


def _scaled(image: pyvips.Image, size: tuple[int, int], widths: Sequence[int]) -> Iterator[pyvips.Image]:
    """The picture of this true size in each width, the largest first."""
    made: list[pyvips.Image] = []
    for width in reversed(widths):
        larger = (each for each in reversed(made) if frame_size(each)[0] >= HEADROOM * width)
        given = next(larger, image)
        moves = given.get_page_height() < given.height
        made.append((resample_strip if moves else resample)(given, width, _height(width, size)).copy_memory())
        yield made[-1]


def _height(width: int, size: tuple[int, int]) -> int:
    return max(1, round(size[1] * width / size[0]))


def _encode(context: Context, image: pyvips.Image, options: Encoding) -> tuple[bytes, str]:
    assert context.encode is not None
    return context.encode(image, options)


def _told(file: _File) -> dict[str, Any]:
    return {
        "file": file.name,
        "format": file.format,
        "media_type": media_type(file.format),
        "width": file.width,
        "height": file.height,
        "bytes": len(file.content),
        "sha256": sha256(file.content).hexdigest(),
    }


def _attributes(values: dict[str, str | None]) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in values.items() if value is not None)


OPERATIONS = [ResponsiveSet]
