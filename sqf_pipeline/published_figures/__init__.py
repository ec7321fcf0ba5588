"""What papers, reports and notebooks state about these files, and the same figures computed here; no database."""
