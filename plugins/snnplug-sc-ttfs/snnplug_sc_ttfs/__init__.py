"""First-spike codes: SC-TTFS, whose second spike calibrates the first, and TTFS with one spike."""
