"""Other tools' words for the same things: accepted, never shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BeforeValidator

_ACTIONS = {
    "adjust": "modulate",
    "auto_orient": "autorotate auto_rotate autorot",
    "background": "flatten",
    "convolve": "convolution",
    "crop": "extract",
    "equalize": "equalise",
    "grayscale": "greyscale gray grey desaturate",
    "invert": "negate negative",
    "normalize": "normalise",
    "pixelate": "pixelize pixelise",
    "round_corners": "round_corner rounded_corners",
    "unsharp": "unsharp_mask",
}
_PARAMETERS = {"color": "colour", "colors": "colours", "stroke_color": "stroke_colour"}
_PARAMETERS_OF = {
    "background": {"color": "background"},
    "crop": {"x": "left", "y": "top"},
    "extend": {"color": "background"},
    "pad": {"color": "background"},
    "resize": {"width": "w", "height": "h", "gravity": "position"},
    "thumbnail": {"width": "w", "height": "h", "gravity": "position"},
}


def _turned(ours: Mapping[str, str]) -> dict[str, str]:
    return {theirs: word for word, many in ours.items() for theirs in many.split()}


ACTIONS: Mapping[str, str] = _turned(_ACTIONS)
"""Our name of an operation by each of theirs."""


@cache
def parameters(action: str) -> Mapping[str, str]:
    """Our name of a parameter by each of theirs, for one of our operations."""
    return _turned({**_PARAMETERS, **_PARAMETERS_OF.get(action, {})})


@dataclass(frozen=True, slots=True, eq=False)
class Spellings:
    """Takes any case, hyphens and blanks for underscores, and other words for ours."""

    ours: Mapping[str, str]
    """Our word by each of theirs."""

    def __call__(self, value: Any) -> Any:
        """Our word for theirs, and anything else as it is."""
        if not isinstance(value, str):
            return value
        known = value.strip().lower().replace("-", "_").replace(" ", "_")
        return self.ours.get(known, known)


def spelled(**others: str) -> BeforeValidator:
    """Take ``Spellings`` of a parameter's values: our word, then theirs with blanks between."""
    return BeforeValidator(Spellings(_turned(others)))
