"""The web service: it answers from an export alone, and knows no Dagster, no database and no scikit-learn.

The shape of an export and its verification are here, because the service must read one without its maker (`export`).
"""
