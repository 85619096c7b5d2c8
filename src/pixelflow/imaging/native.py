"""The native libraries of the caged decoder: loaded, limited and checked before it is sealed."""

from __future__ import annotations

from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING

from pixelflow.domain.errors import StartupError

if TYPE_CHECKING:
    from collections.abc import Mapping

FLOORS = {"libvips": (8, 18, 6), "libheif": (1, 23, 3), "libheif (pillow-heif)": (1, 23, 3)}
"""The oldest without known ways for a picture to harm them; a libheif inside libvips goes with its floor."""
LOADERS = ("Jpeg", "Uhdr", "Png", "Webp", "Nsgif", "Tiff", "Heif")
"""libvips' classes of the loaders that may run; every other one is blocked."""
FONTS = Path(__file__).parent / "fonts"


def environment() -> dict[str, str]:
    """Variables a child needs before it starts: one thread, nothing on disc, the shipped fonts alone.

    Memory in huge pages saves 10 ms for each buffer of 12 megapixels.
    """
    return {
        "FONTCONFIG_FILE": str(FONTS / "fonts.conf"),
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
        "MALLOC_ARENA_MAX": "1",
        "OMP_NUM_THREADS": "1",
        "VIPS_CONCURRENCY": "1",
        "VIPS_DISC_THRESHOLD": "64g",
        "VIPS_WARNING": "0",
    }


def load() -> dict[str, str]:
    """Versions of what was loaded; raises StartupError with the remedy when one is missing or too old."""
    try:
        import pyvips
    except (ImportError, OSError) as error:
        raise StartupError(f"libvips cannot be loaded ({error}); {_REINSTALL}") from error
    import PIL.Image
    import PIL.TiffImagePlugin  # reads the EXIF of all others
    import PIL.WebPImagePlugin
    import simplejpeg

    from pixelflow.imaging import codecs
    from pixelflow.operations import faces

    if faces.installed():
        import_module(faces.PACKAGE)
    PIL.Image.preinit()  # else it looks for its plug-ins when it first saves
    PIL.Image.MAX_IMAGE_PIXELS = None  # the limits are ours, and checked before Pillow's would be

    libvips = ".".join(str(pyvips.version(part)) for part in range(3))
    versions = {"libvips": libvips, "pyvips": pyvips.__version__, **codecs.shared()}
    versions |= codecs.extras()
    check(versions)
    pyvips.cache_set_max(0)
    pyvips.concurrency_set(1)
    pyvips.block_untrusted_set(True)
    pyvips.operation_block_set("VipsForeignLoad", True)
    for loader in LOADERS:
        pyvips.operation_block_set(f"VipsForeignLoad{loader}", False)
    return versions | {
        "simplejpeg": simplejpeg.__version__,
        "pillow": PIL.__version__,
        **codecs.pillow(),
        **({faces.PACKAGE: metadata.version(faces.PACKAGE)} if faces.installed() else {}),
    }


def allow_svg() -> None:
    """Open the loader of SVG too, in a process that is made for one such file."""
    import pyvips

    from pixelflow.imaging.decoders.choice import DECODERS
    from pixelflow.imaging.decoders.svg import svg

    pyvips.operation_block_set("VipsForeignLoadSvg", False)
    DECODERS["svg"] = svg


def check(versions: Mapping[str, str]) -> None:
    """Raises StartupError with the remedy when a library is below its floor; one that is not there is not."""
    from pixelflow.imaging.codecs import numbers

    for name, least in FLOORS.items():
        if name in versions and numbers(versions[name]) < least:
            floor = ".".join(map(str, least))
            raise StartupError(
                f"{name} {versions[name]} is loaded, {floor} or newer is needed; "
                f"update it, or take the one in pyvips-binary: {_REINSTALL}"
            )


_REINSTALL = (
    "where the system has headers of its own libvips, pip builds pyvips against that one: "
    "remove them (libvips-dev, vips-devel), then pip uninstall pyvips pyvips-binary "
    "and pip install --no-cache-dir pyvips pyvips-binary"
)
