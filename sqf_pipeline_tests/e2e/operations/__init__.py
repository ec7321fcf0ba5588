"""Tests of documents, containers, engines and faults."""
