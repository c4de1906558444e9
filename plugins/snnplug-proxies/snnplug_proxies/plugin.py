"""What snnplug-proxies offers. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import ScorerSpec, hookimpl

_ZERO_COST = "Abdelfattah et al., ICLR 2021, arXiv:2101.08134"


@hookimpl
def snnplug_scorers() -> Iterable[ScorerSpec]:
    """Return the proxies."""
    yield ScorerSpec(
        name="synflow",
        target="snnplug_proxies.synflow:SynFlow",
        summary="SynFlow: what flows through all paths with positive weights, as a logarithm.",
        reference=f"Tanaka et al., NeurIPS 2020, arXiv:2006.05467; {_ZERO_COST}",
        cost="gradient",
    )
    yield ScorerSpec(
        name="grad_norm",
        target="snnplug_proxies.gradient:GradNorm",
        summary="Norm of the loss's surrogate gradient on one batch, summed over layers.",
        reference=_ZERO_COST,
        cost="gradient",
    )
    yield ScorerSpec(
        name="jacob_cov",
        target="snnplug_proxies.gradient:JacobianCovariance",
        summary="Jacobian covariance: how little the samples' input gradients are correlated.",
        reference=f"Mellor et al., arXiv:2006.04647v1; {_ZERO_COST}",
        cost="gradient",
    )
    yield ScorerSpec(
        name="short_training",
        target="snnplug_proxies.short_training:ShortTraining",
        summary="Minus the validation loss after a short training of new weights.",
        reference="Ru et al., NeurIPS 2021, arXiv:2006.04492",
        cost="training",
    )
    yield ScorerSpec(
        name="trained",
        target="snnplug_proxies.trained:Trained",
        summary="Validation accuracy, or training loss, after the first epochs of the recipe's own training.",
        reference="Ru et al., NeurIPS 2021, arXiv:2006.04492",
        cost="training",
    )
    yield ScorerSpec(
        name="firing_rate",
        target="snnplug_proxies.rate:FiringRate",
        summary="Spikes per neuron and time step of the untrained network, on one batch.",
        cost="forward",
    )
