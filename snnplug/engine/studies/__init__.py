"""Studies: every combination of some settings as a run of its own, and what differs for sure."""
