"""What a training step keeps for its backward pass, and what it computes again."""

from snnplug.nn.memory.account import Account
from snnplug.nn.memory.saving import MODES, Mode, saving

__all__ = ["MODES", "Account", "Mode", "saving"]
