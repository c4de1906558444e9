"""Read a NIR file with Norse: `python read_norse.py FILE INPUTS RESULT`."""

import nir
from stepping import main, step_by_step


def run(file, x):
    """Return what the network answers; its Flatten takes the batch too, so samples come one by one."""
    import norse.torch
    from norse.torch.module.iaf import IAFCell
    from norse.torch.module.lif_box import LIFBoxCell

    graph = nir.read(file)
    if any(isinstance(node, nir.AvgPool2d) for node in graph.nodes.values()):
        raise NotImplementedError(
            "Norse has no average pool, and would leave it out without a word; write dialect = 'norse'"
        )
    model = norse.torch.from_nir(graph, dt=float(graph.metadata["dt"])).eval()
    neurons = {n: m for n, m in model.named_modules() if isinstance(m, (IAFCell, LIFBoxCell))}
    return step_by_step(model, neurons, x, by_sample=True)


main(run)
