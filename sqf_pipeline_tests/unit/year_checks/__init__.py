"""Tests of `sqf_pipeline.year_checks`."""
