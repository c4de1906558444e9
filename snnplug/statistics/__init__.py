"""How well numbers predict others, what beats what, and how sure that is. Imports no torch."""
