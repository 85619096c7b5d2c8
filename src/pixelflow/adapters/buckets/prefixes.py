"""Which buckets and folders are reached, and by whom."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from pixelflow.domain.errors import EgressRefused
from pixelflow.domain.urls import BUCKETS, scheme_of
from pixelflow.ports.buckets import Access

TENANT = "{tenant}"
"""In a prefix: each tenant reaches its own."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a URL names: ``root`` is the bucket, empty for files; ``key`` the path in it."""

    scheme: str
    root: str
    key: str

    @property
    def url(self) -> str:
        """As a caller writes it."""
        return f"{self.scheme}://{self.root}/{self.key}"


@dataclass(frozen=True, slots=True)
class Prefix:
    """A prefix that is opened; ``options`` are the service's, secrets among them."""

    place: Place
    access: frozenset[Access] = frozenset({"read", "write"})
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def opens(self, tenant: str, place: Place) -> bool:
        """Whether the place is below it, segment by segment; a link in a folder must not lead out of it."""
        ours = self.place.key.replace(TENANT, tenant)
        if (self.place.scheme, self.place.root) != (place.scheme, place.root):
            return False
        if ours and not place.key.startswith(ours + "/"):
            return False
        if place.scheme != "file":
            return True
        real, folder = os.path.realpath("/" + place.key), os.path.realpath("/" + ours)
        return os.path.commonpath([real, folder]) == folder


def read_prefix(text: str) -> Prefix:
    """``scheme://bucket/path?option=value``, with ``access=read`` or ``access=write`` to open it one way
    only; raises ValueError."""
    address, _, query = text.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    place = read_place(address.rstrip("/") if not address.endswith("://") else address, below=False)
    access: frozenset[Access]
    match options.pop("access", None):
        case None:
            access = frozenset({"read", "write"})
        case "read":
            access = frozenset({"read"})
        case "write":
            access = frozenset({"write"})
        case _:
            raise ValueError("access is read or write")
    return Prefix(place, access, options)


def read_place(url: str, *, below: bool = True) -> Place:
    """Raises ValueError for what is no such URL; ``below``, for one without a key too."""
    scheme = scheme_of(url)
    if scheme not in BUCKETS:
        raise ValueError(f"buckets and folders begin with {', '.join(f'{each}://' for each in BUCKETS)}")
    root, _, key = url.partition("://")[2].partition("/")
    if (scheme == "file") == bool(root) or "@" in root:
        raise ValueError(
            f"it must read {'file:///folder' if scheme == 'file' else scheme + '://bucket/path'}"
        )
    if not url.isprintable() or any(mark in url for mark in "?#\\"):
        raise ValueError("it has characters that cannot be part of a name")
    if (key or below) and any(part in {"", ".", ".."} for part in key.split("/")):
        raise ValueError("each part of its path must be a name")
    if scheme == "file" and not key:
        raise ValueError("the whole disk cannot be opened")
    return Place(scheme, root, key)


def opened(prefixes: Sequence[Prefix], tenant: str, url: str, access: Access) -> tuple[Prefix, Place]:
    """The place of a caller's URL and the first prefix that opens it; raises EgressRefused."""
    try:
        place = read_place(url)
    except ValueError as error:
        others = "" if scheme_of(url) in BUCKETS else "; others with http:// or https://"
        raise EgressRefused(f"this URL is not called: {error}{others}") from error
    for prefix in prefixes:
        if access in prefix.access and prefix.opens(tenant, place):
            return prefix, place
    verb = "read" if access == "read" else "written to"
    raise EgressRefused(
        f"{place.scheme}://{place.root} is not {verb} there; STORAGE_ALLOW opens prefixes",
        setting="STORAGE_ALLOW",
    )
