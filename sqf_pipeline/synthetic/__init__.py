"""Invented years in the published forms: drawn from aggregate figures, never from a row of a published file.

What belongs here: drawing stops, writing them as NYPD writes a year, its faults included, and the mark that tells
such a file. What does not: reading and cleaning files, and how the aggregates are made
(`tools/make_synthetic_aggregates.py`, `tools/make_old_form_aggregates.py`).
"""
