"""What snnplug-strategies offers. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import StrategySpec, hookimpl


@hookimpl
def snnplug_strategies() -> Iterable[StrategySpec]:
    """Return the strategies."""
    yield StrategySpec(
        name="random",
        target="snnplug_strategies.random:Random",
        summary="Independent draws from the space.",
        reference="Bergstra & Bengio, JMLR 13, 2012; Li & Talwalkar, UAI 2019, arXiv:1902.07638",
    )
    yield StrategySpec(
        name="exhaustive",
        target="snnplug_strategies.exhaustive:Exhaustive",
        summary="Every network of a space that lists its genotypes, in the order listed.",
    )
    yield StrategySpec(
        name="evolution",
        target="snnplug_strategies.evolution:Evolution",
        summary="Regularised evolution: the best of a sample is mutated, the oldest dies.",
        reference="Real et al., AAAI 2019, arXiv:1802.01548",
    )
    yield StrategySpec(
        name="nsga2",
        target="snnplug_strategies.nsga2:NSGA2",
        summary="Evolution towards the trade-off of score and objectives, by rank and crowding distance.",
        reference="Deb et al., IEEE Trans. Evol. Comput. 6(2), 2002, doi:10.1109/4235.996017",
    )
    yield StrategySpec(
        name="successive_halving",
        target="snnplug_strategies.successive_halving:SuccessiveHalving",
        summary="The best of many by a cheap score are scored by dearer ones, rung by rung; or ASHA.",
        reference="Jamieson & Talwalkar, AISTATS 2016, arXiv:1502.07943; Li et al., arXiv:1810.05934",
    )
    yield StrategySpec(
        name="spike_aware_evolution",
        target="snnplug_strategies.spike_aware:SpikeAwareEvolution",
        summary="Generations of mutants, children and random networks, none twice (AutoSNN).",
        reference="Na et al., ICML 2022, arXiv:2201.12738",
    )
