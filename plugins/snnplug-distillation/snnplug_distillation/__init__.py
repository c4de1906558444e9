"""Training of spiking networks by a teacher, for snnplug."""
