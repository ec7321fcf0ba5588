"""Tests of `sqf_pipeline.study_2021`."""
