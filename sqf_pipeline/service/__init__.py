"""The web service: it answers from an export alone, and knows no Dagster, no database and no scikit-learn."""
