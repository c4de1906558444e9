"""Leaky integrate-and-fire neuron whose threshold rises with its own spikes."""
