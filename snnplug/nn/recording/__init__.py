"""How the spike recorder sees what a network does: every operation, its operands and the part at work."""
