"""The fonts that words are set in: files that come with the server, and one that an extra brings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from unicodedata import category

from pydantic import AfterValidator, BeforeValidator

import pixelflow
from pixelflow.domain.installed import PACKAGE

if TYPE_CHECKING:
    import pyvips

_SHIPPED = Path(pixelflow.__file__).parent / "imaging" / "fonts"
LINE_HEIGHT = 1.5
"""Of the tallest font, in multiples of the size."""


@dataclass(frozen=True, slots=True)
class Font:
    """A file, and where it is from: shipped, or by a package that an extra installs."""

    file: str
    package: str | None = None
    extra: str | None = None

    @property
    def path(self) -> Path | None:
        """The file, if it is installed; its package is looked up, not imported."""
        if self.package is None:
            return _SHIPPED / self.file
        spec = find_spec(self.package)
        if spec is None or spec.origin is None:
            return None
        path = Path(spec.origin).with_name(self.file)
        return path if path.is_file() else None


FONTS = {
    "Noto Sans": Font("NotoSans-Regular.ttf"),
    "Noto Sans Bold": Font("NotoSans-Bold.ttf"),
    "Noto Serif": Font("NotoSerif-Regular.ttf"),
    "Noto Serif Bold": Font("NotoSerif-Bold.ttf"),
    "Roboto Mono": Font("RobotoMono-Regular.ttf"),
    "Noto Sans CJK JP": Font("NotoSansCJKjp-Regular.otf", "noto_cjk_sans_jp_regular", "cjk"),
}
_ALIASES = {
    "sans": "Noto Sans",
    "sans-serif": "Noto Sans",
    "serif": "Noto Serif",
    "mono": "Roboto Mono",
    "monospace": "Roboto Mono",
    "cjk": "Noto Sans CJK JP",
    **{name.lower(): name for name in FONTS},
}


def printable(text: str) -> str:
    """The text with the line ends of this system; raises ValueError for what cannot be shown."""
    text = text.replace("\r\n", "\n")
    if any(category(char) in {"Cc", "Cs"} and char not in "\n\t" for char in text):
        raise ValueError("the text has control characters, which cannot be shown")
    return text


def _named(value: object) -> object:
    return _ALIASES.get(value.strip().lower(), value) if isinstance(value, str) else value


def _installed(name: str) -> str:
    if name not in installed():
        raise ValueError(f"it is not installed: pip install '{PACKAGE}[{FONTS[name].extra}]'")
    return name


FontName = Annotated[
    Literal[
        "Noto Sans", "Noto Sans Bold", "Noto Serif", "Noto Serif Bold", "Roboto Mono", "Noto Sans CJK JP"
    ],
    BeforeValidator(_named),
    AfterValidator(_installed),
]
"""One of ``FONTS`` that is installed."""


@cache
def installed() -> dict[str, Path]:
    """Each font that is here and its file; found out once, since a sealed process can look no more."""
    return {name: path for name, font in FONTS.items() if (path := font.path)}


def folders() -> list[Path]:
    """Where the fonts are that are installed."""
    return sorted({path.parent for path in installed().values()})


@cache
def load() -> None:
    """Open all fonts that are installed: letters that one lacks come from another, from the first text on."""
    import pyvips

    for name, path in installed().items():
        pyvips.Image.text("Ag", font=f"{name} 12", fontfile=str(path)).avg()


def lettering(markup: str, font: str, size: float, **options: str | int | bool) -> pyvips.Image:
    """How much of each pixel the words cover, 0–255, no larger than their ink; raises pyvips.Error."""
    import pyvips

    load()
    return pyvips.Image.text(markup, font=f"{font} {size:g}", fontfile=str(installed()[font]), **options)
