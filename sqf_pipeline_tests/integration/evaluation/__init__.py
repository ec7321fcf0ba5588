"""Tests of measures on published stops."""
