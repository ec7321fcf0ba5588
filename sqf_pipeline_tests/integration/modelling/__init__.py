"""Tests of models and measures on published stops."""
