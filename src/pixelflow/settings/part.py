"""What every group of settings is."""

from pydantic_settings import BaseSettings, SettingsConfigDict

from pixelflow.operations.described import Described

MEGABYTE = 1024 * 1024


class Part(Described, BaseSettings):
    """A group of settings; a value out of range stops the start and names variable, value and range."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)


def listed(given: str) -> list[str]:
    """The entries of a list with commas."""
    return [text.strip() for text in given.split(",") if text.strip()]
