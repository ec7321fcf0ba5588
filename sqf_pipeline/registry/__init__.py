"""Facts as data, each stated once: what a column is, which spellings mean what; no stop is touched here."""
