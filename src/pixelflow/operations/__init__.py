"""What can be done to a picture: a typed model each, a file a family, plug-ins by entry point."""
