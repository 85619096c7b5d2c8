"""``python -m pixelflow``."""

from pixelflow.cli.main import main

if __name__ == "__main__":
    main()
