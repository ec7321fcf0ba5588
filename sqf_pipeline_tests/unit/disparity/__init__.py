"""Tests of the tests of equal treatment."""
