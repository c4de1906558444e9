"""What acme-first offers."""

from snnplug import EnergyModelSpec, LossSpec, NeuronSpec, ScorerSpec, hookimpl


@hookimpl
def snnplug_neurons():
    """Return the neuron."""
    yield NeuronSpec(
        name="first_neuron",
        target="acme_first.neuron:FirstNeuron",
        summary="Leaky integrate-and-fire neuron whose initial potential is learned.",
        reference="Gerstner and Kistler, Spiking Neuron Models, 2002",
        aliases=("first_lif",),
        windowed=False,
        graded=False,
    )


@hookimpl
def snnplug_losses():
    """Return the loss."""
    yield LossSpec(
        name="first_loss",
        target="acme_first.loss:FirstLoss",
        summary="Any loss plus a price for each spike.",
        components={"base": "loss"},
    )


@hookimpl
def snnplug_scorers():
    """Return the scorer."""
    yield ScorerSpec(
        name="first_scorer",
        target="acme_first.scorer:FirstScorer",
        summary="Accuracy of the untrained network, and how much it spikes.",
        higher_is_better=True,
        cost="forward",
    )


@hookimpl
def snnplug_energy_models():
    """Return the energy model."""
    yield EnergyModelSpec(
        name="first_energy",
        target="acme_first.energy:FirstEnergy",
        summary="A price for each synaptic operation, layer by layer.",
        reference="Horowitz, ISSCC 2014, doi:10.1109/ISSCC.2014.6757323",
        unit="J",
    )
