"""What of a caller's URL may be shown."""

import pytest

from pixelflow.domain.urls import MAX_SHOWN, bare


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("https://me:secret@host.example/a/b.jpg?key=secret#secret", "https://host.example/a/b.jpg"),
        (
            "https://me:secret@host.example/https://other.example/b.jpg",
            "https://host.example/https://other.example/b.jpg",
        ),
        ("https://me:sec@ret@host.example", "https://host.example"),
        ("me:secret@host.example/b.jpg", "host.example/b.jpg"),
        (f"https://me:{'secret' * 100}@host.example/b.jpg", "https://host.example/b.jpg"),
        ("no url", "no url"),
        ("", ""),
    ],
)
def test_credentials_and_what_may_be_a_key_are_not_shown(url: str, named: str) -> None:
    assert bare(url) == named


def test_of_a_long_one_only_the_beginning_is_shown() -> None:
    assert len(bare("https://host.example/" + "a" * 10_000)) == MAX_SHOWN
