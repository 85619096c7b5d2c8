"""What can be done to a picture: one typed model an operation, one file a family, third parties by entry point."""
