"""Dagster alone: assets, checks, IO managers, partitions, resources, jobs and schedules."""
