"""A search strategy that learns from what it has tried: a Gaussian process on the graphs of a space."""
