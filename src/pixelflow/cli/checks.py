"""What has to be there for PixelFlow to run well, looked at one by one."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from pixelflow import __version__
from pixelflow.domain.errors import StartupError
from pixelflow.domain.installed import advice, formats
from pixelflow.imaging.cage import MISSING
from pixelflow.imaging.wire import Ready
from pixelflow.roles import bound
from pixelflow.settings import Settings
from pixelflow.worker.pool import Pool


class State(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"
    """The server would not start, or not take a job."""


@dataclass(frozen=True, slots=True)
class Check:
    """One fact about the installation, and what to do about it unless it is ok."""

    part: str
    name: str
    state: State
    detail: str
    remedy: str = ""


CAGE_REMEDIES: Mapping[str, str] = {
    "parent_death": "use Linux; elsewhere, end stray decoders by hand after the server was killed",
    "no_new_privs": "use Linux 3.5 or newer",
    "capabilities": "use Linux, and do not run the server as root",
    "landlock": "use Linux 5.13 or newer with landlock among its modules (/sys/kernel/security/lsm); in a "
    "container, a seccomp profile that allows the landlock calls",
    "rlimits": "raise the hard limits of this user (ulimit -H)",
    "dumpable": "use Linux",
    "seccomp": "use Linux on x86-64 or ARM64; in a container, a seccomp profile that allows seccomp itself",
}


async def checks(settings: Settings) -> list[Check]:
    """All of them, in the order in which they are shown; starts one decoder and ends it again."""
    return [
        *_machine(),
        *await _decoder(settings),
        *_formats(settings),
        *_backends(),
        *_folders(settings),
        _port(settings.http.host, settings.http.port),
    ]


def _machine() -> Iterator[Check]:
    libc = " ".join(platform.libc_ver()).strip() or "unknown"
    facts = {
        "pixelflow": __version__,
        "python": platform.python_version(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "libc": libc,
    }
    for name, detail in facts.items():
        yield Check("machine", name, State.OK, detail)
    if sys.platform != "linux":
        yield Check(
            "machine", "cage", State.WARNING, f"none on {sys.platform}", "decode strangers' pictures on Linux"
        )


async def _decoder(settings: Settings) -> list[Check]:
    # "required" would refuse to start where a part is missing, and say less than the parts one by one.
    wanted = settings.worker.sandbox
    options = replace(settings.pool_options, size=1, sandbox="off" if wanted == "off" else "auto")
    pool = Pool(options, settings.image_limits, lambda: None)
    try:
        ready = await pool.start()
    except StartupError as error:
        remedy = "install PixelFlow again in a fresh environment, so that pyvips takes its own libvips"
        return [Check("decoder", "start", State.BROKEN, error.detail, remedy)]
    finally:
        await pool.close()
    return [*_versions(ready), *(_cage_part(name, state, wanted) for name, state in ready.cage.items())]


def _versions(ready: Ready) -> Iterator[Check]:
    for name, version in ready.versions.items():
        yield Check("decoder", name, State.OK, version)


def _cage_part(name: str, state: str, sandbox: str) -> Check:
    if state.startswith("on"):
        return Check("cage", name, State.OK, state)
    if sandbox == "off":
        return Check("cage", name, State.WARNING, state, "SANDBOX is off; unset it")
    verdict = State.BROKEN if sandbox == "required" else State.WARNING
    return Check("cage", name, verdict, state.removeprefix(MISSING), CAGE_REMEDIES.get(name, ""))


def _formats(settings: Settings) -> Iterator[Check]:
    """What an installation without them can do very well without is no warning."""
    here = formats(*sorted(settings.formats.readable))
    yield Check("formats", "read", State.OK, ", ".join(known.name for known in here if known.reads))
    yield Check("formats", "written", State.OK, ", ".join(known.name for known in here if known.writes))
    for known in here:
        if not known.reads:
            yield Check("formats", known.name, State.OK, advice(known.name))


def _backends() -> Iterator[Check]:
    from pixelflow.adapters import events, queue, storage, store

    for name, addresses in (
        ("store", store.ADDRESSES),
        ("storage", storage.ADDRESSES),
        ("queue", queue.ADDRESSES),
        ("events", events.ADDRESSES),
    ):
        yield Check("backends", name, State.OK, ", ".join(f"{scheme}://" for scheme in addresses))


def _folders(settings: Settings) -> Iterator[Check]:
    if settings.store.store is None:
        yield _folder("DB_PATH", settings.store.db_path.parent, settings.storage.min_free_bytes)
    if settings.storage.storage is None:
        yield _folder("UPLOAD_DIR", settings.storage.upload_dir, settings.storage.min_free_bytes)
        yield _folder("OUTPUT_DIR", settings.storage.output_dir, settings.storage.min_free_bytes)


def _folder(name: str, folder: Path, least_bytes: int) -> Check:
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
        remedy = f"set {name} to a place that this user may write to"
        return Check("data", name, State.BROKEN, f"cannot write to {nearest}", remedy)
    free = shutil.disk_usage(nearest).free
    if free < least_bytes:
        detail = (
            f"{folder} has {free:,} bytes free, and submissions end below {least_bytes:,} (MIN_FREE_BYTES)"
        )
        return Check("data", name, State.BROKEN, detail, f"free some disk, or set {name} to another one")
    return Check("data", name, State.OK, f"{folder}, {free / 1e9:.1f} GB free")


def _port(host: str, port: int) -> Check:
    try:
        bound(host, port)
    except OSError as error:
        remedy = "stop what listens there (perhaps PixelFlow itself), or set PORT to a free one"
        detail = f"cannot listen on {host}:{port}: {error.strerror or error}"
        return Check("server", "PORT", State.BROKEN, detail, remedy)
    return Check("server", "PORT", State.OK, f"{host}:{port} is free")
