"""A fitted model and the untouched test year to result tables: metrics, intervals, groups of people, drift."""
