"""Layers, gains, initializers and depth."""
