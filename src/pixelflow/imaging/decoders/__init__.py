"""Formats that libvips does not decode: each judged by its header, then decoded by a library of its own."""
