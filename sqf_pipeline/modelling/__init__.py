"""Stops to encoders, models and measures: scikit-learn, no Dagster, no database."""
