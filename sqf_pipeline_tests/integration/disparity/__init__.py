"""Tests of the tests of equal treatment on the published files."""
