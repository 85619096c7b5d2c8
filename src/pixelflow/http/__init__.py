"""HTTP, thin: the native API, the dialects, one table of errors."""
