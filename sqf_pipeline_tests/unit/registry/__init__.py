"""Tests of `sqf_pipeline.registry`."""
