"""What PixelFlow is about, in the standard library alone: jobs and their transitions, events, limits,
errors."""
