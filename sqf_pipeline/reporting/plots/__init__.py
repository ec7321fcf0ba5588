"""Figures of stops and of models, by Matplotlib's objects alone; each takes frames and returns a Figure."""
