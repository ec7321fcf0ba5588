"""One pandera contract per hand-off, built on the registry of columns."""
