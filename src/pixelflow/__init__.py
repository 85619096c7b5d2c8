"""PixelFlow: a durable, caged, asynchronous image pipeline."""

__version__ = "0.1.0"
