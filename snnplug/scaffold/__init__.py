"""Packages for new plugins: a template for each kind, which `snnplug new` fills in. Imports no torch."""
