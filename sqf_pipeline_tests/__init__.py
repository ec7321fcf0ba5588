"""Tests of sqf_pipeline; they mirror the package."""
