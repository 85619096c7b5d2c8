"""The example plug-in, and how any package is installed without a network."""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

PLUGIN = Path(__file__).parents[2] / "examples" / "pixelflow-posterize"


def install(package: Path, folder: Path) -> None:
    """Build a package with what is here, and put it into a folder without its dependencies."""
    offline = ["--quiet", "--no-build-isolation", "--no-deps", "--no-index"]
    command = [sys.executable, "-m", "pip", "install", *offline, "--target", folder, package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def environment(folder: Path, package: Path) -> str:
    """The interpreter of an environment with the package, and with all that this one has."""
    venv.create(folder, symlinks=True, with_pip=False)
    interpreter = str(folder / "bin" / "python")
    asked = [interpreter, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
    ours = sysconfig.get_path("purelib")
    (site / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    install(package, site)
    return interpreter
