"""Tests of the orchestration."""
