"""Where a key lies on the local disk, and which key lies at a path."""

import re
from pathlib import Path
from zlib import crc32

SEGMENT = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
KEY = re.compile(rf"(inputs|outputs|assets)/({SEGMENT})/({SEGMENT}(?:/{SEGMENT})*)")
UNFINISHED = "unfinished"
MAX_NAME_CHARACTERS = 200


class Layout:
    """``<kind>/<tenant>/<a>/<b>`` lies at ``<root>/<kind>/<tenant>/<2 hex of a's hash>/<a>,<b>``.

    So all files of one job share a folder, no folder grows too long, and a new job makes no new one. A write
    that is not finished has a dot in front and a random token behind; its key starts with ``unfinished/``.
    """

    def __init__(self, upload_dir: Path, output_dir: Path) -> None:
        self.roots = {
            "inputs": upload_dir / "inputs",
            "assets": upload_dir / "assets",
            "outputs": output_dir / "outputs",
        }
        self._roots = {kind: str(root) for kind, root in self.roots.items()}

    def place(self, key: str) -> tuple[str, str]:
        """The folder and the name; raises ValueError for a key that the server would not make."""
        matched = KEY.fullmatch(key)
        if matched is None or len(key) > MAX_NAME_CHARACTERS:
            raise ValueError(f"not a storage key: {key[:80]!r}")
        kind, tenant, rest = matched.groups()
        shard = crc32(rest.partition("/")[0].encode()) & 0xFF
        return f"{self._roots[kind]}/{tenant}/{shard:02x}", rest.replace("/", ",")

    def path(self, key: str) -> str:
        """The file of a key, also of an unfinished one as ``key`` names it; raises ValueError."""
        if key.startswith(f"{UNFINISHED}/"):
            final, _, token = key.removeprefix(f"{UNFINISHED}/").rpartition("/")
            if not re.fullmatch(SEGMENT, token):
                raise ValueError(f"not a storage key: {key[:80]!r}")
            return unfinished(*self.place(final), token)
        return "/".join(self.place(key))

    @staticmethod
    def key(kind: str, tenant: str, name: str) -> str | None:
        """The key of a file by its name, ``None`` for one that is not ours."""
        key = f"{kind}/{tenant}/{name.removeprefix('.').replace(',', '/')}"
        if name.startswith("."):
            return f"{UNFINISHED}/{key}" if KEY.fullmatch(key.rpartition("/")[0]) else None
        return key if KEY.fullmatch(key) else None


def unfinished(folder: str, name: str, token: str) -> str:
    """Where the bytes of a file go until they are complete; ``token`` tells several writers apart."""
    return f"{folder}/.{name},{token}"
