"""Recordings of event cameras as frames, read by tonic, a plugin for snnplug."""
