"""What a file says beside its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pixelflow.operations import gain_map
from pixelflow.operations.base import Context, Operation
from pixelflow.operations.problems import Contradiction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyvips

KEEP = "pixelflow-keep"
"""libvips field with the kinds of metadata to be written, with commas between."""

Kind = Literal["icc", "copyright", "exif", "gps", "xmp", "iptc", "gainmap"]
KINDS: tuple[Kind, ...] = ("icc", "copyright", "exif", "gps", "xmp", "iptc", "gainmap")
_BLOCKS = {"icc": "icc-profile-data", "xmp": "xmp-data", "iptc": "iptc-data"}
_COPYRIGHT = frozenset({"exif-ifd0-Copyright", "exif-ifd0-Artist"})
_GPS = "exif-ifd3-"
_THUMBNAIL = ("exif-ifd1-", "jpeg-thumbnail-data")
PREVIEWS = (*_THUMBNAIL, "exif-ifd2-MakerNote", "xmp-data", "iptc-data", gain_map.FIELDS)
"""How fields begin in which a smaller copy of the picture may lie."""
_SET: Mapping[Label, str] = {
    "copyright": "exif-ifd0-Copyright",
    "artist": "exif-ifd0-Artist",
    "description": "exif-ifd0-ImageDescription",
    "software": "exif-ifd0-Software",
    "date": "exif-ifd0-DateTime",
}


def _listed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _clean(value: str) -> str:
    if not value.isprintable():
        raise ValueError("a value is plain text on one line")
    return value


Label = Literal["copyright", "artist", "description", "software", "date"]
Kinds = Annotated[tuple[Kind, ...], BeforeValidator(_listed), Field(max_length=len(KINDS))]
Value = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_clean)]


class Metadata(Operation):
    """Choose what the written file says beside its pixels; without this step it says nothing.

    Orientation is always applied to the pixels and never written; an embedded preview always goes. TIFF files
    get no EXIF. A gain map is scaled, cut, turned and mirrored with the picture; any other step makes it go.
    """

    action = "metadata"
    family = "metadata"
    streams = True
    needs_metadata = True

    keep: Kinds | None = None
    """What stays: `icc`, `copyright` (EXIF copyright and artist), `exif` (all of EXIF but the place), `gps`,
    `xmp`, `iptc`, `gainmap` (an Ultra HDR JPEG's, in a JPEG). By default icc and copyright; with `drop`, all
    that is not dropped."""
    drop: Kinds = ()
    """What goes. Without `gps`, XMP and IPTC packets that name a place go too."""
    set: dict[Literal["copyright", "artist", "description", "software", "date"], Value] = Field(
        default_factory=dict
    )
    """EXIF texts to write, in ASCII as EXIF has it: other letters become the nearest."""

    @model_validator(mode="after")
    def _consistent(self) -> Metadata:
        if self.keep is not None and (both := [kind for kind in self.keep if kind in self.drop]):
            raise Contradiction(f"{', '.join(both)} cannot be both kept and dropped", "keep", "drop")
        return self

    @property
    def leaves_colors(self) -> bool:
        return True

    @property
    def wants_gain_map(self) -> bool:
        return "gainmap" in self.kept()

    def kept(self) -> frozenset[str]:
        """The kinds that stay."""
        if self.keep is not None:
            return frozenset(self.keep)
        return frozenset(KINDS).difference(self.drop) if self.drop else frozenset({"icc", "copyright"})

    def apply(self, image: pyvips.Image, context: Context) -> pyvips.Image:
        import pyvips

        kept = self.kept()
        image = image.copy()
        for name in list(_refused(image, kept)):
            image.remove(name)
        for name, value in self.set.items():
            image.set_type(pyvips.GValue.gstr_type, _SET[name], value)
        written: list[str] = [kind for kind in ("icc", "xmp", "iptc", "gainmap") if kind in kept]
        if self.set or kept & {"exif", "gps", "copyright"}:
            written.append("exif")
        image.set_type(pyvips.GValue.gstr_type, KEEP, ",".join(written))
        return image


def _refused(image: pyvips.Image, kept: frozenset[str]) -> Iterable[str]:
    for name in image.get_fields():
        if name.startswith(_THUMBNAIL):
            yield name
        elif name.startswith(gain_map.FIELDS):
            if "gainmap" not in kept:
                yield name
        elif name.startswith(_GPS):
            if "gps" not in kept:
                yield name
        elif name.startswith("exif-ifd"):
            if "exif" not in kept and not (name in _COPYRIGHT and "copyright" in kept):
                yield name
        elif name in {"xmp-data", "iptc-data"} and "gps" not in kept and _names_place(image.get(name)):
            yield name


def _names_place(packet: bytes) -> bool:
    return any(word in packet for word in (b"GPS", b"Location", b"City", b"\x1c\x02\x5a", b"\x1c\x02\x5c"))


OPERATIONS = [Metadata]
