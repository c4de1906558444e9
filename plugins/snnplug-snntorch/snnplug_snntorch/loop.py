"""Our neurons in scripts of snnTorch, which loop over time and hand the membrane potential on.

replace(model, {snntorch.Leaky: neuron}, loop=SnnTorchLoop)

mem = self.lif.init_leaky()                 # in the script, as it was
for x_t in x:
    spk, mem = self.lif(self.fc(x_t), mem)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from snnplug.nn import Stepwise

__all__ = ["SnnTorchLoop"]


class SnnTorchLoop(Stepwise):
    """A neuron with the calls of snnTorch's: it returns spikes and membrane potential.

    Args:
        part: a neuron that runs step by step, its component or class.
    """

    def __init__(self, part: Any) -> None:
        super().__init__(part, potential=True)

    def reset_mem(self) -> Tensor:
        """Forget, and return in place of the first potential an empty tensor, which nothing is read from."""
        self.reset()
        return torch.empty(0)

    init_leaky = reset_mem
