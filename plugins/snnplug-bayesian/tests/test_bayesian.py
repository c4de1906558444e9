from __future__ import annotations

import math
import statistics
from collections import Counter

import pytest
from snnplug_bayesian import model
from snnplug_bayesian.strategy import Bayesian
from threadpoolctl import threadpool_limits

from snnplug import Ask, Edge, Graph, Trial, derive_seed, pareto_front


@pytest.fixture(autouse=True)
def _few_processes(monkeypatch):
    monkeypatch.setattr(model, "_WEIGHTS", (0.5,))
    monkeypatch.setattr(model, "_LENGTHS", (1.2,))
    monkeypatch.setattr(model, "_NOISE", (0.1, 0.4))


class Chains:
    """Chains of six places, each with one of three operations."""

    def sample(self, rng):
        return "".join(rng.choice("abc") for _ in range(6))

    def key(self, genotype):
        return genotype

    def graph(self, genotype):
        edges = (Edge(str(i), str(i + 1), label, spiking=1) for i, label in enumerate(genotype))
        return Graph(tuple(map(str, range(7))), tuple(edges))


def noise(genotype, scale):
    return scale * (derive_seed(genotype) % 2001 / 1000 - 1)


def prior(genotype):
    return genotype.count("a") + noise(genotype, 1.5)


def worth(genotype):
    """What the prior does not know: a b counts where it comes late."""
    return genotype.count("a") + 3 * sum(x == "b" for x in genotype[3:]) + noise(genotype[::-1], 0.5)


def told(ask, scores, goals=(), index=0):
    score = scores[ask.rung](ask.genotype)
    objectives = (score, *(goal(ask.genotype) for goal in goals)) if goals else ()
    return Trial(
        index=index,
        genotype=ask.genotype,
        key=ask.genotype,
        score=score,
        rung=ask.rung,
        objectives=objectives,
    )


def search(scores=(prior, worth), chunk=8, goals=(), seed=0, **parameters):
    """Return everything that is asked for."""
    strategy, asked = Bayesian(Chains(), seed, **parameters), list[Ask]()
    while found := strategy.ask(chunk):
        strategy.tell([told(ask, scores, goals) for ask in found])
        asked += found
    assert len(asked) <= strategy.draws
    return asked


def by_why(asked):
    found: dict[str, list[Ask]] = {}
    for ask in asked:
        if ask.rung:
            found.setdefault(ask.why, []).append(ask)
    return found


def test_reasons_and_their_shares():
    asked = search(
        (prior, worth, worth), draws=200, keep=[80, 6], trust=24, chance_share=0.25, prior_share=0.5
    )
    assert Counter(ask.rung for ask in asked) == {0: 200, 1: 80, 2: 6}
    groups = by_why(asked)
    assert {why: len(asks) for why, asks in groups.items()} == {
        "prior, before trust": 18,
        "chance, before trust": 6,
        "expected improvement": 28,
        "prior": 28,
        "best of the rung below": 6,
    }
    assert len({ask.genotype for ask in asked if ask.rung == 1}) == 80
    pool = sorted((ask.genotype for ask in asked if not ask.rung), key=prior, reverse=True)
    first = [ask.genotype for ask in groups["prior, before trust"]]
    chance = {ask.genotype for ask in groups["chance, before trust"]}
    assert first == [genotype for genotype in pool if genotype not in chance][:18]
    best = sorted((ask.genotype for ask in asked if ask.rung == 1), key=worth, reverse=True)
    assert [ask.genotype for ask in asked if ask.rung == 2] == best[:6]


def test_what_is_expected_is_said_once_something_is_learned_and_is_about_what_comes():
    asked = [ask for ask in search(draws=200, keep=[80], trust=24) if ask.rung]
    assert all(ask.expected is None for ask in asked[:24])
    errors = [abs(ask.expected - worth(ask.genotype)) for ask in asked[40:]]
    guessed = [abs(3.5 - worth(ask.genotype)) for ask in asked[40:]]
    assert statistics.mean(errors) < 0.6 * statistics.mean(guessed)


def test_what_learning_finds_is_better_than_the_prior():
    groups = by_why(search(draws=300, keep=[100], trust=24, prior_share=0.5))
    learned, other = ([worth(a.genotype) for a in groups[w]] for w in ("expected improvement", "prior"))
    assert statistics.mean(learned) > statistics.mean(other) + 1
    assert max(learned) >= max(other)


def test_without_dearer_scores_the_only_one_is_learned():
    asked = search((worth,), draws=60, pool=300, trust=20, prior_share=0.2)
    assert len(asked) == len({ask.genotype for ask in asked}) == 60 and {a.rung for a in asked} == {0}
    groups = Counter(ask.why for ask in asked)
    assert set(groups) == {"chance, before trust", "chance", "expected improvement"}
    learned = [worth(a.genotype) for a in asked if a.why == "expected improvement"]
    chance = [worth(a.genotype) for a in asked if a.why != "expected improvement"]
    assert statistics.mean(learned) > statistics.mean(chance) + 2


def test_nothing_learned_is_followed_before_enough_is_known():
    def failing(genotype):
        return math.nan if derive_seed("fails", genotype) % 4 else worth(genotype)

    asked = search((prior, failing), draws=200, keep=[60], trust=24)
    assert sum(math.isfinite(failing(ask.genotype)) for ask in asked if ask.rung) < 24
    assert set(by_why(asked)) == {"prior, before trust", "chance, before trust"}
    few = by_why(search(draws=100, keep=[20], trust=24))
    assert set(few) == {"prior, before trust"}  # chance would only cost


def test_a_candidate_without_the_first_score_goes_no_further():
    def failing(genotype):
        return math.nan if genotype.startswith("a") else prior(genotype)

    asked = search((failing, worth), draws=60, keep=[50], trust=10)
    climbed = [ask.genotype for ask in asked if ask.rung]
    assert climbed and not any(genotype.startswith("a") for genotype in climbed)
    assert len(climbed) == sum(not a.genotype.startswith("a") for a in asked if not a.rung)


def test_a_round_has_one_rung_and_two_searches_are_equal_with_any_number_of_threads():
    strategy = Bayesian(Chains(), 0, draws=20, keep=[9, 2], trust=4)
    rounds = []
    while found := strategy.ask(8):
        strategy.tell([told(ask, (prior, worth, worth)) for ask in found])
        rounds.append([ask.rung for ask in found])
    assert [(len(r), *set(r)) for r in rounds] == [(8, 0), (8, 0), (4, 0), (8, 1), (1, 1), (2, 2)]
    asked = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            asked.append(search(draws=80, keep=[50], trust=16))
    assert asked[0] == asked[1] != search(draws=80, keep=[50], trust=16, seed=1)


def test_no_more_is_fitted_than_allowed(monkeypatch):
    sizes, fit = [], model.Mixture.fit
    monkeypatch.setattr(
        model.Mixture, "fit", lambda self, rows, y: (sizes.append(len(rows)), fit(self, rows, y))
    )
    search(draws=80, keep=[60], trust=10, most=30)
    assert max(sizes) == 30 and min(sizes) < 30


@pytest.mark.parametrize("keep", [(), (60,)])
def test_several_goals(keep):
    def goals(genotype):
        return worth(genotype), -5.0 * genotype[3:].count("b") - genotype.count("c")

    parameters = {"draws": 200, "keep": keep} if keep else {"draws": 60, "pool": 200}
    scores, second = ((prior, worth) if keep else (worth,)), (lambda genotype: goals(genotype)[1],)
    asked = [a for a in search(scores, goals=second, trust=16, **parameters) if a.rung == len(keep)]
    learned = [goals(ask.genotype) for ask in asked if ask.why == "expected improvement"]
    assert len(learned) > 20
    front = [learned[i] for i in pareto_front(learned)]
    assert len(front) > 3 and max(f[0] for f in front) > 8 and max(f[1] for f in front) > -3


@pytest.mark.parametrize("keep", [[65], [8, 9]])
def test_more_than_there_are_cannot_go_on(keep):
    with pytest.raises(ValueError, match="keep must be at most draws = 64"):
        Bayesian(Chains(), 0, draws=64, keep=keep)


def test_what_is_recorded_beside_the_first_score_is_learned_from():
    """Chains that look alike to the graph and the prior, and differ in a value beside the score."""

    class Blind(Chains):
        def graph(self, genotype):
            return Graph(("0", "1"), (Edge("0", "1"),))

    found = {}
    for known in (True, False):
        strategy, scores = Bayesian(Blind(), 0, draws=200, keep=[60], trust=24, prior_share=0.0), []
        while asked := strategy.ask(12):
            trials = []
            for ask in asked:
                late = float(ask.genotype[3:].count("b"))
                values = {"late": late} if known and not ask.rung else {}
                score = worth(ask.genotype) if ask.rung else 0.0
                trials.append(
                    Trial(
                        index=0,
                        genotype=ask.genotype,
                        key=ask.genotype,
                        score=score,
                        rung=ask.rung,
                        values=values,
                    )
                )
                scores += [score] if ask.why == "expected improvement" else []
            strategy.tell(trials)
        found[known] = statistics.mean(scores)
    assert found[True] > found[False] + 2
