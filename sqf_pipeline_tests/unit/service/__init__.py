"""Tests of the export and the service."""
