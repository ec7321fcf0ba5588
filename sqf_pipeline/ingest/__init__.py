"""A published file to text under our names: where it is, download, open, recognise; no value is read for its meaning."""
