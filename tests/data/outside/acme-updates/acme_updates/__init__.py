"""A price for operations and for each update of a membrane potential."""
