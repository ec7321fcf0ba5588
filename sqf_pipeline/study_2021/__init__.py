"""The study of 2021 run its own way, its faults included, and its published figures."""
