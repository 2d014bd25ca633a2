"""Initializers judged: what a rule promises, what it draws, and what that does over depth."""
