"""Scores of candidates: here, in worker processes, of the networks of a benchmark."""
