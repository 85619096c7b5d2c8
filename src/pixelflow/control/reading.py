"""JSON that a caller sent."""

from typing import Any

import msgspec

from pixelflow.domain.errors import MalformedRequest

MAX_DEPTH = 32
"""Objects and lists in each other."""

_decode = msgspec.json.Decoder().decode


def read_json(text: bytes, name: str) -> Any:
    """Decode; raises MalformedRequest, with ``name`` in its words, for what is no JSON or nested too deep."""
    try:
        found = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedRequest(f"{name} is not JSON: {error}", code="malformed_json") from None
    except RecursionError:
        raise _too_deep(name) from None
    _check_depth(found, name, MAX_DEPTH)
    return found


def _check_depth(value: object, name: str, left: int) -> None:
    if isinstance(value, dict | list):
        if not left:
            raise _too_deep(name)
        for item in value.values() if isinstance(value, dict) else value:
            _check_depth(item, name, left - 1)


def _too_deep(name: str) -> MalformedRequest:
    return MalformedRequest(f"{name} is nested deeper than {MAX_DEPTH}", code="too_deep", limit=MAX_DEPTH)
