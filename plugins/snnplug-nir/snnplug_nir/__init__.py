"""NIR, the neuromorphic intermediate representation: verified export, and import as an architecture."""
