"""Read a NIR file with SpikingJelly: `python read_spikingjelly.py FILE INPUTS RESULT`."""

import nir
from stepping import main, step_by_step


def run(file, x):
    """Return what the network answers."""
    from spikingjelly.activation_based.nir_exchange import import_from_nir

    graph = nir.read(file)
    dt = float(graph.metadata["dt"])
    model = import_from_nir(graph, dt=dt, step_mode="s").eval()
    neurons = {n: m for n, m in model.named_modules() if type(m).__name__ == "_NIRStatefulModule"}
    return step_by_step(model, neurons, x)


main(run)
