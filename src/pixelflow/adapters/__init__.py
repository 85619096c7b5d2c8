"""Ports meet technology: a folder a port, a file a technology."""
