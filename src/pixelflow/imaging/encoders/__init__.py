"""Formats that libvips does not write, or not as animations: each by a library of its own."""
