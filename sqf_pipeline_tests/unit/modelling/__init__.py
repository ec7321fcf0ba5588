"""Tests of stops to encoders, models and measures."""
