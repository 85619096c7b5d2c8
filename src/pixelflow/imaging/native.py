"""The native libraries of the caged decoder: loaded, limited and checked before it is sealed."""

from __future__ import annotations

from pathlib import Path

from pixelflow.domain.errors import StartupError

LIBVIPS_FLOOR = (8, 18, 6)
"""The oldest libvips without known ways for a picture to harm it."""
LOADERS = ("Jpeg", "Png", "Webp", "Nsgif", "Tiff", "Heif")
"""libvips' classes of the loaders that may run; every other one is blocked."""
FONTS = Path(__file__).parent / "fonts"


def environment() -> dict[str, str]:
    """Variables a child needs before it starts: one thread, nothing on disc, the shipped fonts alone."""
    return {
        "FONTCONFIG_FILE": str(FONTS / "fonts.conf"),
        "MALLOC_ARENA_MAX": "1",
        "VIPS_CONCURRENCY": "1",
        "VIPS_DISC_THRESHOLD": "64g",
        "VIPS_WARNING": "0",
    }


def load() -> dict[str, str]:
    """Versions of what was loaded; raises StartupError with the remedy when libvips is missing or too old."""
    try:
        import pyvips
    except (ImportError, OSError) as error:
        raise StartupError(f"libvips cannot be loaded ({error}); {_REINSTALL}") from error
    import PIL.Image
    import PIL.WebPImagePlugin
    import simplejpeg
    from PIL import features

    PIL.Image.preinit()  # else it looks for its plug-ins when it first saves

    found = tuple(pyvips.version(part) for part in range(3))
    version = ".".join(map(str, found))
    if found < LIBVIPS_FLOOR:
        floor = ".".join(map(str, LIBVIPS_FLOOR))
        raise StartupError(f"libvips {version} is loaded, {floor} or newer is needed; {_REINSTALL}")
    pyvips.cache_set_max(0)
    pyvips.concurrency_set(1)
    pyvips.block_untrusted_set(True)
    pyvips.operation_block_set("VipsForeignLoad", True)
    for loader in LOADERS:
        pyvips.operation_block_set(f"VipsForeignLoad{loader}", False)
    return {
        "libvips": version,
        "pyvips": pyvips.__version__,
        "simplejpeg": simplejpeg.__version__,
        "pillow": PIL.__version__,
        "libwebp": str(features.version("webp")),
    }


_REINSTALL = (
    "where the system has headers of its own libvips, pip builds pyvips against that one: "
    "remove them (libvips-dev, vips-devel), then pip uninstall pyvips pyvips-binary "
    "and pip install --no-cache-dir pyvips pyvips-binary"
)
