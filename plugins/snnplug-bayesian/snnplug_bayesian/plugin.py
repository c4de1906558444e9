"""What snnplug-bayesian offers. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import StrategySpec, hookimpl


@hookimpl
def snnplug_strategies() -> Iterable[StrategySpec]:
    """Return the strategy."""
    yield StrategySpec(
        name="bayesian",
        target="snnplug_bayesian.strategy:Bayesian",
        summary="Learns from what it has tried: Gaussian processes on graphs, with a score as prior.",
        reference="Jones et al., J. Global Optim. 13, 1998, doi:10.1023/A:1008306431147; "
        "Knowles, IEEE Trans. Evol. Comput. 10(1), 2006, doi:10.1109/TEVC.2005.851274",
    )
