"""Spiking depth: how many layers of neurons stand in a row, and which of them carry most information."""
