"""A published file to text under our names: where it is, download, open, recognise; what a text means comes later."""
