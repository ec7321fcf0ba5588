"""Tests of `sqf_pipeline.published_figures` on published files."""
