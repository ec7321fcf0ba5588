"""Whether a file is the year it says: whole, of the expected size, readable, and what a new version of it changed."""
