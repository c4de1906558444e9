"""Run directories: their files, what stands in them, and runs side by side."""
