"""What is registered: kinds, hooks, discovery, components with their parameters."""
