"""Read a NIR file with snnplug-nir itself: `python read_snnplug.py FILE INPUTS RESULT`."""

from pathlib import Path

from stepping import main


def run(file, x):
    """Return what the network answers."""
    from snnplug_nir.network import NIRNetwork, read_graph

    from snnplug.nn import sent_by_layers

    sent = sent_by_layers(NIRNetwork(read_graph(Path(file))), x)
    return {"output": sent.output, **{name.removeprefix("nodes."): y for name, y in sent.layers.items()}}


main(run)
