"""The published forms, a table each: which names and codes stand for which column; what a column is stands outside."""
