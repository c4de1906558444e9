"""Forward and backward pass of neurons, against SpikingJelly, snnTorch and Norse on the same input.

python tests/benchmarks/bench_neurons.py --neurons lif plif imp
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import norse.torch as norse
import snntorch
import torch
from measure import Work, alternate, parser, peak_bytes, set_up, show
from spikingjelly.activation_based import neuron as spikingjelly
from spikingjelly.activation_based import surrogate
from torch import Tensor

from snnplug import Registry
from snnplug.nn import materialize

SHAPES = ["4x4096", "32x4096", "4x262144", "16x262144", "32x262144", "8x1048576", "4x4194304"]
QUICK = ["4x4096", "8x65536"]
TAU = 2.0
Run = Callable[[Tensor], Tensor]

registry = Registry.from_installed(quiet=True)


def whole(node: Any) -> Run:
    """Run a SpikingJelly node over `[T, B, N]` from rest."""

    def run(x: Tensor) -> Tensor:
        node.reset()
        return node(x)

    return run


def compiled_whole(node: Any) -> Run:
    """Do the same with the node compiled; resetting stays outside, as in its own training code."""
    forward = torch.compile(node)

    def run(x: Tensor) -> Tensor:
        node.reset()
        return forward(x)

    return run


def stepped(cell: Any, start: Callable[[], Any]) -> Run:
    """Run a cell of snnTorch or Norse step by step, as their users do."""

    def run(x: Tensor) -> Tensor:
        state, spikes = start(), []
        for current in x.unbind(0):
            s, state = cell(current, state)
            spikes.append(s)
        return torch.stack(spikes)

    return run


def contestants(name: str, x: Tensor, compile_: bool) -> dict[str, tuple[Any, Run]]:
    """Return the same neuron of each library: tau 2, threshold 1, hard reset, detached, atan surrogate."""
    base = {"use": "plif" if name == "imp_plif" else "lif", "tau": TAU}
    ours = (
        registry.create("neuron", "imp", base=base)
        if name.startswith("imp")
        else registry.create("neuron", name, tau=TAU)
    )
    materialize(ours, x)
    ours = ours.to(x.device)
    found: dict[str, tuple[Any, Run]] = {"snnplug": (ours, ours)}
    if name.startswith("imp"):
        plain = registry.create("neuron", base["use"], tau=TAU).to(x.device)
        found[f"snnplug {base['use']}"] = plain, plain
        if compile_:
            found |= {f"{key}, compiled": (m, torch.compile(m)) for key, (m, _) in found.items()}
        again = registry.create("neuron", base["use"], tau=TAU).to(x.device)
        found[f"snnplug {base['use']}, again"] = again, again  # how far two equal ones differ
        return found
    settings = {"detach_reset": True, "surrogate_function": surrogate.ATan(), "step_mode": "m"}
    if name == "lif":
        node = spikingjelly.LIFNode(tau=TAU, **settings)
    else:
        node = spikingjelly.ParametricLIFNode(init_tau=TAU, **settings)
    atan = snntorch.surrogate.atan(alpha=2.0)
    leaky = snntorch.Leaky(
        beta=1 - 1 / TAU, learn_beta=name == "plif", reset_mechanism="zero", spike_grad=atan
    )
    node, leaky = node.to(x.device), leaky.to(x.device)
    found |= {"SpikingJelly": (node, whole(node)), "snnTorch": (leaky, stepped(leaky, leaky.reset_mem))}
    if name == "lif":
        cell = norse.LIFBoxCell(norse.LIFBoxParameters(tau_mem_inv=torch.tensor(1000 / TAU, device=x.device)))
        found["Norse LIFBox"] = cell, stepped(cell, lambda: None)
    if compile_:
        found |= {
            "snnplug, compiled": (ours, torch.compile(ours)),
            "SpikingJelly, compiled": (node, compiled_whole(node)),
        }
    return found


def main() -> None:
    """Measure and print a table for each neuron and shape."""
    options = parser(__doc__.split("\n", 1)[0])
    options.add_argument("--neurons", nargs="+", default=["lif", "plif", "imp"])
    options.add_argument("--shapes", nargs="+", help="steps x neurons, such as 4x4096")
    options = options.parse_args()
    if options.quick:
        options.repeats = min(options.repeats, 3)
    set_up(options)
    warnings.simplefilter("ignore")
    baseline = {"imp": "snnplug lif", "imp_plif": "snnplug plif"}
    for name in options.neurons:
        for shape in options.shapes or (QUICK if options.quick else SHAPES):
            steps, count = map(int, shape.split("x"))
            torch.manual_seed(0)
            x = (torch.randn(steps, 4, count // 4) * 1.5 + 0.5).to(options.device).requires_grad_()
            gradient = torch.randn_like(x)

            def work(module: Any, run: Run, x: Tensor = x, gradient: Tensor = gradient) -> Work:
                leaves = [x, *(module.parameters() if isinstance(module, torch.nn.Module) else ())]

                def call() -> None:
                    for leaf in leaves:
                        leaf.grad = None
                    run(x).backward(gradient)

                return call

            torch.compiler.reset()
            works = {key: work(*pair) for key, pair in contestants(name, x, options.compile).items()}
            print(f"{name}, T = {steps}, {count} neurons, batch 4")
            times = alternate(works, options)
            peaks = {key: peak_bytes(run, options.device) for key, run in works.items()}
            if name not in baseline:
                show(times, peaks, "SpikingJelly")
                continue
            for ending in ("", ", compiled") if options.compile else ("",):  # each against its own base
                base = f"{baseline[name]}{ending}"
                show(
                    {k: t for k, t in times.items() if k in (f"snnplug{ending}", base, f"{base}, again")},
                    peaks,
                    base,
                )


if __name__ == "__main__":
    main()
