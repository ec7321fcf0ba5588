"""Clean stops to features, encoders and fitted, calibrated models: scikit-learn, no Dagster, no database."""
