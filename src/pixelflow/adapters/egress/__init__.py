"""The way out of the machine."""
