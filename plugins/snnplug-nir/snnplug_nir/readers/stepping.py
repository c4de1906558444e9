"""What all readers share: inputs in, a loop over time, and what each layer sent, out.

A reader runs where it is installed, which need not be where snnplug is: nothing here imports it.
"""

import sys

import numpy as np
import torch


def first(out):
    """Return the first tensor of what a module returns."""
    while isinstance(out, (tuple, list)):
        out = out[0]
    return out


class Layers:
    """What the layers of a model send, by name."""

    def __init__(self, modules):
        self.sent = {name: [] for name in modules}
        for name, module in modules.items():
            module.register_forward_hook(lambda m, given, out, name=name: self.sent[name].append(first(out)))

    def take(self):
        """Return `[T, *]` by layer, and forget."""
        found = {
            name: torch.stack([torch.as_tensor(y) for y in sent]) for name, sent in self.sent.items() if sent
        }
        for sent in self.sent.values():
            sent.clear()
        return found


def step_by_step(model, modules, x, *, by_sample=False, forget=lambda: None):
    """Return what a model `(x_t, state) -> (y_t, state)` answers to `[T, B, *]`.

    With `by_sample` it runs one sample at a time, as a batch of one, after a call of `forget`.
    """
    layers, found = Layers(modules), []
    parts = x.split(1, dim=1) if by_sample else [x]
    for part in parts:
        forget()
        state, outputs = None, []
        for x_t in part:
            y, state = model(x_t, state)
            outputs.append(first(y))
        sent = {"output": torch.stack(outputs), **layers.take()}
        if by_sample:  # some have lost the axis of the batch
            sent = {name: y.reshape(len(part), 1, -1) for name, y in sent.items()}
        found.append(sent)
    return {name: torch.cat([sent[name] for sent in found], dim=1) for name in found[0]}


def main(run):
    """Answer `python SCRIPT FILE INPUTS RESULT` by `run(file, x)`, a dictionary of arrays `[T, B, *]`."""
    file, inputs, result = sys.argv[1:4]
    with np.load(inputs) as given:
        x = torch.from_numpy(given["x"])
    try:
        with torch.no_grad():
            answered = run(file, x)
    except Exception as error:
        said = str(error).strip().splitlines()
        sys.exit(f"{type(error).__name__}: {said[0]}" if said else type(error).__name__)
    np.savez(result, **{name: np.asarray(y.detach().cpu().double()) for name, y in answered.items()})
