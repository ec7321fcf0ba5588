"""Whether a file is the year it says: whole, near the expected number, readable, and what a new version of it changed."""
