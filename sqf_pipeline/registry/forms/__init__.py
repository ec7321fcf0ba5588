"""The published forms, one table each: which name and code stands for which of our columns; what a column is, not."""
