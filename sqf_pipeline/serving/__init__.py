"""The export of the models and the web service that answers from it; no Dagster, no database."""
