"""How large a network is, measured by one pass of one sample of zeros.

    neurons = sum over the layers of neurons of what one sends in one step
    memory = 4 bytes * (parameters + buffers + sum over all layers of the numbers that they put out)

Layers are neurons, and modules with parameters of their own or without others inside. What they put out
is counted over all steps; an output that lies in the memory of an input or is only another shape of it
counts as none, and so do the copies that fold a constant input over time. The sum is what a pass holds if it
keeps every output, whatever its type: it compares networks. A process takes more, in training a multiple.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from snnplug.contracts import Candidate
from snnplug.engine.parts import Parts
from snnplug.engine.scoring.limits import Limits
from snnplug.nn import SpikingNeuron, outermost, seeded, watch_spikes
from snnplug.nn.mode import evaluating
from snnplug.nn.tensors import tensors_in

__all__ = ["sizes_beyond"]

_BYTES = 4  # of a number in float32
_MIB = 2**20
_RESHAPING = (
    nn.Flatten,
    nn.Unflatten,
)  # whether they copy depends on the order in memory, thus on the device


def sizes_beyond(limits: Limits, parts: Parts, candidate: Candidate) -> dict[str, float]:
    """Return what a candidate's network has beyond limits, by name; nothing where it is within them.

    There is a pass only for what cannot be known without.
    """
    if not limits.given:
        return {}
    network = candidate.network
    weights = sum(p.numel() for p in network.parameters() if p.requires_grad)
    beyond = limits.beyond({"parameters": weights})
    if beyond or not {"neurons", "memory"} & limits.given.keys():
        return beyond
    with seeded(candidate.seed), torch.no_grad(), evaluating(network), _Outputs().of(network) as outputs:
        parts.calls.network(network, parts.sample(1))
    held = sum(tensor.numel() for tensor in (*network.parameters(), *network.buffers()))
    memory = _BYTES * (held + outputs.numbers) / _MIB
    return limits.beyond({"neurons": sum(outputs.neurons.values()), "memory": memory})


class _Outputs:
    """What the layers of a network put out in a pass of one sample.

    Attributes:
        neurons: what a layer of neurons sends in one step, by its name.
        numbers: of all layers over all steps.
    """

    def __init__(self) -> None:
        self.neurons: dict[str, int] = defaultdict(int)
        self.numbers = 0

    @contextmanager
    def of(self, network: nn.Module) -> Iterator[_Outputs]:
        """Count inside the block."""
        with ExitStack() as stack:
            stack.callback(watch_spikes(network, self._sent).remove)
            for _, layer in outermost(network, (SpikingNeuron,)):
                spikes = isinstance(layer, SpikingNeuron) and not layer.analog
                if spikes or (layer._modules and not layer._parameters):
                    continue
                stack.callback(layer.register_forward_hook(self._put_out).remove)
                if callable(getattr(layer, "step", None)):
                    stack.callback(self._watch_step(layer))
            yield self

    def _sent(self, name: str, spikes: Tensor) -> None:
        self.neurons[name] = max(self.neurons[name], spikes[0].numel())
        self.numbers += spikes.numel()

    def _put_out(self, layer: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(layer, _RESHAPING):
            return
        taken = {tensor.untyped_storage().data_ptr() for tensor in tensors_in(inputs)}
        for tensor in tensors_in(output):
            if tensor.untyped_storage().data_ptr() not in taken:
                self.numbers += tensor.numel()

    def _watch_step(self, layer: Any) -> Callable[[], None]:
        """Count what a layer puts out that is called step by step, and not through `forward`."""
        original, inside = layer.step, False

        def enter(*_: Any) -> None:
            nonlocal inside
            inside = True

        def leave(*_: Any) -> None:
            nonlocal inside
            inside = False

        def step(*args: Any, **kwargs: Any) -> Any:
            output = original(*args, **kwargs)
            if not inside:
                self._put_out(layer, args, output)
            return output

        hooks = layer.register_forward_pre_hook(enter), layer.register_forward_hook(leave, always_call=True)
        layer.step = step

        def back() -> None:
            del layer.step
            for hook in hooks:
                hook.remove()

        return back
