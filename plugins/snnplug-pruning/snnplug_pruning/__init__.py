"""Pruning of spiking networks while they train, for snnplug."""
