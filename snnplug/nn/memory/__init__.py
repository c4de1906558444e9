"""What a training step keeps for its backward pass, and what it computes again."""
