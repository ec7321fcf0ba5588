"""Tests of `sqf_pipeline.commands`."""
