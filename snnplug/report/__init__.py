"""From a run directory to one self-contained HTML page."""
