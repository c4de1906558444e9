"""Trained networks as files that need no snnplug where they are read."""
