"""The job store."""

from pathlib import Path

from pixelflow.settings.part import Part


class StoreSettings(Part):
    """The book."""

    db_path: Path = Path("./data/jobs.db")
    """The SQLite database's file, on a local disk."""
    store: str | None = None
    """The job store's address; by default `sqlite:///` and DB_PATH."""

    @property
    def address(self) -> str:
        """The job store's address."""
        return self.store or f"sqlite:///{self.db_path}"
