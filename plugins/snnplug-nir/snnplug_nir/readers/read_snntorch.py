"""Read a NIR file with snnTorch: `python read_snntorch.py FILE INPUTS RESULT`."""

import nir
from stepping import main, step_by_step


def run(file, x):
    """Return what the network answers; its Flatten takes the batch too, so samples come one by one."""
    import snntorch
    from snntorch.import_nir import import_from_nir

    model = import_from_nir(nir.read(file)).eval()
    neurons = {n: m for n, m in model.named_modules() if isinstance(m, snntorch.Leaky)}

    def forget():
        for neuron in neurons.values():  # they keep the potential of the last sample
            neuron.reset_mem()

    return step_by_step(model, neurons, x, by_sample=True, forget=forget)


main(run)
