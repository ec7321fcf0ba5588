"""Tests of `sqf_pipeline.evaluation`."""
