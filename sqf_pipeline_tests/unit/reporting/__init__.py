"""Tests of `sqf_pipeline.reporting`."""
