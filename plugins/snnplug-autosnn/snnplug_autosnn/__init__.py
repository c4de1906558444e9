"""The AutoSNN search space for snnplug."""
