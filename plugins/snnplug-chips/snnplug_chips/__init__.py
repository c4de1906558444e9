"""Profiles of neuromorphic chips."""
