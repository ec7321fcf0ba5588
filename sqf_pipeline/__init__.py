"""What follows a police stop in New York: an orchestrated, checked and repeatable pipeline.

Nothing is imported here, so that `import sqf_pipeline.<part>` costs only that part.
"""
