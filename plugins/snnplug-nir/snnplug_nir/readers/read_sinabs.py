"""Read a NIR file in the dialect of sinabs with sinabs: `python read_sinabs.py FILE INPUTS RESULT`."""

import nir
import torch
from stepping import Layers, first, main


def run(file, x):
    """Return what the network answers; its layers take all steps of one sample at a time."""
    import sinabs.activation as activation
    import sinabs.layers as sl
    import sinabs.nir

    graph = nir.read(file, type_check=False)  # one parameter for all neurons of a map
    hard = "MembraneReset" in str(graph.metadata.get("after_import", ""))
    found = []
    for sample in x.unbind(1):
        model = sinabs.nir.from_nir(graph, batch_size=1).eval()
        neurons = {n: m for n, m in model.named_modules() if isinstance(m, (sl.IAFSqueeze, sl.LIFSqueeze))}
        for neuron in neurons.values():
            neuron.spike_fn, neuron.min_v_mem = activation.SingleSpike, None
            if hard:
                neuron.reset_fn = activation.MembraneReset()
        layers = Layers(neurons)
        output = first(model(sample))
        sent = {"output": output, **{name: y[0] for name, y in layers.take().items()}}
        found.append({name: y.reshape(len(sample), 1, -1) for name, y in sent.items()})
    return {name: torch.cat([sent[name] for sent in found], dim=1) for name in found[0]}


main(run)
