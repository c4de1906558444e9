"""Spiking chain: a score from the graph of an architecture alone, without building its network."""
