"""Tests of `sqf_pipeline.published_figures`."""
