"""Published files to clean stops: pandas only, no Dagster, no database."""
