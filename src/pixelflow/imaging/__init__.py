"""libvips around the operations: limits, load, render, encode, and the cage in which all of it runs."""
