"""Written for snnplug 0.1 and not changed since."""
