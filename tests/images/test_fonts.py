"""Each font draws the letters of its own file, and the one that an extra brings is asked for by name."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import ImageFont

from harness.operating import applied
from pixelflow.domain.errors import InvalidRequest
from pixelflow.operations.fonts import FONTS, installed
from pixelflow.operations.pipeline import parse

WHITE = np.full((80, 600, 3), 255, np.uint8)
SIZE = 40
"""At which the monospaced font's letters are whole pixels wide, as Pillow rounds them to."""
SHIPPED = [name for name, font in FONTS.items() if font.extra is None]
WORDS = ["Hamburg", "Straße ČŠŽ ĐŁŐ", "Αθήνα Ελλάδα", "Москва Україна"]
EAST = ["漢字かな交じり文", "简体中文", "繁體中文", "한국어"]
CJK = "Noto Sans CJK JP"
with_cjk = pytest.mark.skipif(CJK not in installed(), reason="the extra 'cjk' is not installed here")


def drawn(text: str, font: str) -> np.ndarray:
    """What the step inks, cut to it."""
    return cut(255 - applied(WHITE, "text", text=text, font=font, size=SIZE)[..., 0])


def reference(text: str, font: str) -> np.ndarray:
    """The same by Pillow's FreeType, from the file itself."""
    mask = ImageFont.truetype(installed()[font], SIZE).getmask(text)
    return cut(np.asarray(mask, np.uint8).reshape(mask.size[::-1]))


def cut(ink: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(ink > 32)
    return ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].astype(float)


def alike(found: np.ndarray, wanted: np.ndarray) -> None:
    """As large within two hundredths and 2 pixels, as much ink, and where columns and rows have theirs."""
    assert found.shape == pytest.approx(wanted.shape, abs=2, rel=0.02)
    assert found.sum() == pytest.approx(wanted.sum(), rel=0.06)
    for axis in (0, 1):
        places = np.linspace(0, 1, 24)
        profiles = [
            np.interp(places, np.linspace(0, 1, ink.shape[1 - axis]), np.cumsum(ink.sum(axis)) / ink.sum())
            for ink in (found, wanted)
        ]
        np.testing.assert_allclose(*profiles, atol=0.04)


@pytest.mark.parametrize("text", WORDS)
@pytest.mark.parametrize("font", SHIPPED)
def test_latin_greek_and_cyrillic_are_drawn_in_every_shipped_font(font, text):
    alike(drawn(text, font), reference(text, font))


@with_cjk
@pytest.mark.parametrize("text", EAST)
def test_chinese_japanese_and_korean_are_drawn_with_the_extra(text):
    alike(drawn(text, CJK), reference(text, CJK))


@with_cjk
def test_letters_that_a_font_lacks_come_from_another_whatever_was_drawn_before():
    program = (
        "import sys\n"
        "sys.path.insert(0, 'tests')\n"
        "from harness.operating import applied\n"
        "import hashlib, numpy\n"
        "black = numpy.zeros((60, 200, 3), numpy.uint8)\n"
        "for font in sys.argv[1:]:\n"
        "    made = applied(black, 'text', text='a漢', font=font, color='red')\n"
        "    print(hashlib.sha256(made.tobytes()).hexdigest())\n"
    )

    def hashes(*fonts):
        ran = subprocess.run(
            [sys.executable, "-c", program, *fonts], capture_output=True, text=True, check=True
        )
        return ran.stdout.split()

    (first,) = hashes("Noto Sans")
    after_the_other, again = hashes(CJK, "Noto Sans")
    assert first == again != after_the_other
    alike(drawn("漢", "Noto Sans"), reference("漢", CJK))


def test_fonts_differ():
    inks = {name: drawn("Hamburg", name).tobytes() for name in SHIPPED}

    assert len(set(inks.values())) == len(SHIPPED)


def test_a_monospaced_font_gives_every_letter_the_same_room():
    def width(text):
        return drawn(text, "Roboto Mono").shape[1]

    assert width("|iiii|") == pytest.approx(width("|WWWW|"), abs=1)


@pytest.mark.parametrize(
    ("given", "meant"),
    [("serif", "Noto Serif"), ("Monospace", "Roboto Mono"), ("noto sans bold", "Noto Sans Bold")],
)
def test_families_have_their_common_names(given, meant):
    (step,) = parse([{"id": "a", "action": "text", "text": "x", "font": given}]).steps

    assert step.operation.model_dump()["font"] == meant


def test_a_font_that_is_not_there_is_refused_with_what_brings_it():
    program = (
        "import sys\n"
        "sys.modules['noto_cjk_sans_jp_regular'] = None\n"
        "from pixelflow.domain.errors import InvalidRequest\n"
        "from pixelflow.operations.pipeline import parse\n"
        "try:\n"
        "    parse([{'id': 'a', 'action': 'text', 'text': '漢', 'font': 'Noto Sans CJK JP'}])\n"
        "except InvalidRequest as error:\n"
        "    print(error.problems[0].field, error.detail)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout.startswith("font step 'a': font cannot be 'Noto Sans CJK JP': it is not installed: ")
    assert "pip install 'pixelflow-server[cjk]'" in ran.stdout


@pytest.mark.parametrize("font", ["Comic Sans", "", "../NotoSans-Regular.ttf", "Noto Sans Italic"])
def test_other_fonts_are_refused(font):
    with pytest.raises(InvalidRequest, match=r"font cannot be .*allowed is one of Noto Sans, "):
        parse([{"id": "a", "action": "text", "text": "x", "font": font}])
