"""Work in several processes or on several machines: what a worker builds, and how items reach it."""
