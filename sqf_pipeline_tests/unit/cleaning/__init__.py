"""Tests of `sqf_pipeline.cleaning`."""
