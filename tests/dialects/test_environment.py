"""The six variables of the zero-config service, unset and set."""

from pathlib import Path

import pytest

from pixelflow.settings import Settings

MEBIBYTE = 1024 * 1024
NAMES = ("PORT", "DB_PATH", "UPLOAD_DIR", "OUTPUT_DIR", "WORKER_POOL_SIZE", "MAX_UPLOAD_SIZE")


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_unset_they_are_what_its_document_says() -> None:
    settings = Settings()

    assert settings.http.port == 8080
    assert settings.store.db_path == Path("data/jobs.db")
    assert (settings.storage.upload_dir, settings.storage.output_dir) == (Path("uploads"), Path("outputs"))
    assert (settings.http.zero_config_upload_bytes, settings.http.upload_bytes) == (
        10 * MEBIBYTE,
        50 * MEBIBYTE,
    )


def test_set_they_hold_everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = ("9090", str(tmp_path / "book.db"), str(tmp_path / "in"), str(tmp_path / "out"), "3", "12345")
    for name, value in zip(NAMES, given, strict=True):
        monkeypatch.setenv(name, value)

    settings = Settings()

    assert (settings.http.port, settings.worker.pool_size) == (9090, 3)
    assert settings.store.db_path == tmp_path / "book.db"
    assert (settings.storage.upload_dir, settings.storage.output_dir) == (tmp_path / "in", tmp_path / "out")
    assert (settings.http.zero_config_upload_bytes, settings.http.upload_bytes) == (12345, 12345)
