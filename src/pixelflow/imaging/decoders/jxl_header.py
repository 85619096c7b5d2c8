"""The headers of a JPEG XL codestream (ISO/IEC 18181-1, annexes B and D): what decoding will cost."""

from __future__ import annotations

from dataclasses import dataclass

_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_ALPHA, _SPOT, _CFA = 0, 2, 5
_GREY = 1

_SIZE = ((0, 9), (0, 13), (0, 18), (0, 30))
_ENUM = ((0, None), (1, None), (2, 4), (18, 6))


@dataclass(frozen=True, slots=True)
class Header:
    """Sides in pixels as stored; ``orientation`` as in EXIF (1–8)."""

    width: int
    height: int
    bands: int
    orientation: int
    animated: bool


def parse(codestream: bytes) -> Header:
    """Raises ValueError for what is no codestream, and for one whose headers end too soon."""
    bits = _Bits(codestream)
    if bits.take(16) != 0x0AFF:
        raise ValueError("no codestream")
    width, height = _size(bits)
    if bits.flag():  # everything as usual
        return Header(width, height, 3, 1, animated=False)
    orientation, animated = 1, False
    if bits.flag():
        orientation = 1 + bits.take(3)
        if bits.flag():
            _size(bits)
        if bits.flag():
            _preview(bits)
        if animated := bits.flag():
            _animation(bits)
    _depth(bits)
    bits.flag()  # whether 16 bits are enough for what is computed
    extra = [_channel(bits) for _ in range(bits.number((0, None), (1, None), (2, 4), (1, 12)))]
    bits.flag()  # whether the colours are XYB
    grey = not bits.flag() and not bits.flag() and bits.number(*_ENUM) == _GREY
    # Profiles of more channels than three name them in extra ones.
    return Header(width, height, (1 if grey else 3) + len(extra), orientation, animated)


class _Bits:
    """From the least significant one of each byte on (B.2)."""

    def __init__(self, data: bytes) -> None:
        self._all = int.from_bytes(data, "little")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise ValueError("its headers are cut off")
        taken = self._all & ((1 << count) - 1)
        self._all >>= count
        self._left -= count
        return taken

    def flag(self) -> bool:
        return bool(self.take(1))

    def number(self, *choices: tuple[int, int | None]) -> int:
        """One of four ways to say it: an offset, and how many bits are added to it."""
        offset, count = choices[self.take(2)]
        return offset + (self.take(count) if count else 0)


def _size(bits: _Bits) -> tuple[int, int]:
    eighths = bits.flag()

    def side() -> int:
        return 8 * (1 + bits.take(5)) if eighths else 1 + bits.number(*_SIZE)

    height = side()
    ratio = bits.take(3)
    if ratio == 0:
        return side(), height
    across, down = _RATIOS[ratio - 1]
    return height * across // down, height


def _preview(bits: _Bits) -> None:
    eighths = bits.flag()

    def side() -> None:
        if eighths:
            bits.number((16, None), (32, None), (1, 5), (33, 9))
        else:
            bits.number((1, 6), (65, 8), (321, 10), (1345, 12))

    side()
    if bits.take(3) == 0:
        side()


def _animation(bits: _Bits) -> None:
    bits.number((100, None), (1000, None), (1, 10), (1, 30))
    bits.number((1, None), (1001, None), (1, 8), (1, 10))
    bits.number((0, None), (0, 3), (0, 16), (0, 32))
    bits.flag()


def _depth(bits: _Bits) -> None:
    if bits.flag():
        bits.number((32, None), (16, None), (24, None), (1, 6))
        bits.take(4)
    else:
        bits.number((8, None), (10, None), (12, None), (1, 6))


def _channel(bits: _Bits) -> int:
    """What an extra channel is."""
    if bits.flag():
        return _ALPHA
    kind = bits.number(*_ENUM)
    _depth(bits)
    bits.number((0, None), (3, None), (4, None), (1, 3))
    name = bits.number((0, None), (0, 4), (16, 5), (48, 10))
    bits.take(8 * name)
    if kind == _ALPHA:
        bits.flag()
    elif kind == _SPOT:
        bits.take(4 * 16)
    elif kind == _CFA:
        bits.number((1, None), (0, 2), (3, 4), (19, 8))
    return kind
