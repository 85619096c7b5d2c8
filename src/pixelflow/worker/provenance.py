"""What an attempt leaves behind for its job's manifest."""

import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pixelflow import __version__
from pixelflow.domain.limits import ImageLimits
from pixelflow.ports.software import SoftwareStore
from pixelflow.worker.cache import software


@dataclass
class Provenance:
    """Notes once what the decoders run, and of each attempt only under which digest that is to be found."""

    store: SoftwareStore
    limits: ImageLimits
    versions: Callable[[], Mapping[str, str]]
    """What the decoders have loaded; nothing while no decoder has told."""
    _noted: dict[tuple[tuple[str, str], ...], str] = field(default_factory=dict)

    async def of(self, seconds: Mapping[str, float]) -> Mapping[str, Any]:
        """The manifest's own part: the software's digest, and seconds by phase to the microsecond."""
        manifest: dict[str, Any] = {"seconds": {name: round(each, 6) for name, each in seconds.items()}}
        versions = self.versions()
        if versions:
            key = tuple(versions.items())
            manifest["software"] = self._noted.get(key) or await self._note(key)
        return manifest

    async def _note(self, versions: tuple[tuple[str, str], ...]) -> str:
        digest = software(versions, self.limits).hex()
        facts = {
            "pixelflow": __version__,
            **dict(versions),
            "python": platform.python_version(),
            "platform": f"{platform.system().lower()} {platform.machine()}",
        }
        await self.store.note(digest, {"versions": facts, "limits": asdict(self.limits)})
        self._noted[versions] = digest
        return digest
