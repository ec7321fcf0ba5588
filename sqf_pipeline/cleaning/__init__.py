"""Text as published to clean stops: one reader a kind of value, misaligned rows, and what became of every cell."""
