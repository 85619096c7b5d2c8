"""The example plug-in, and how any package is installed without a network."""

import subprocess
import sys
from pathlib import Path

PLUGIN = Path(__file__).parents[2] / "examples" / "pixelflow-posterize"


def install(package: Path, folder: Path) -> None:
    """Build a package with what is here, and put it into a folder without its dependencies."""
    offline = ["--quiet", "--no-build-isolation", "--no-deps", "--no-index"]
    command = [sys.executable, "-m", "pip", "install", *offline, "--target", folder, package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
