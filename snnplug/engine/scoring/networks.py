"""Networks by scorers: scores that are on the disk when they are known, and never computed twice."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import attrs

from snnplug.contracts import SearchSpace, TrainedNetwork
from snnplug.engine.scoring.evaluator import Job
from snnplug.engine.scoring.workers import scoring
from snnplug.engine.setup import Setup
from snnplug.errors import RunDirectoryError
from snnplug.registry.component import Component
from snnplug.registry.registry import Registry
from snnplug.runs.journal import cut_torn_tail
from snnplug.seeds import digest

__all__ = ["mark_of", "score_networks"]


def mark_of(component: Component) -> str:
    """Return what the journal knows a scorer by: its name, version and parameters."""
    return f"{component.qualified} {digest([component.version, component.to_dict()])[:12]}"


def score_networks(
    setup: Setup,
    space: SearchSpace,
    scorers: Sequence[Component],
    networks: Sequence[TrainedNetwork],
    registry: Registry,
) -> dict[tuple[str, str], tuple[float, float]]:
    """Return score and seconds by network and scorer, from the journal where they are known."""
    file = setup.directory.file("scores.jsonl")
    known = _read_scores(file)
    failed: dict[str, str] = {}
    total = len(networks) * len(scorers)
    done = sum((network.id, mark_of(scorer)) in known for network in networks for scorer in scorers)
    with open(file, "a", encoding="utf-8") as journal, setup.report.bar("score", total, done) as bar:
        for scorer in scorers:
            mark = mark_of(scorer)
            jobs = [
                Job(index, network.genotype, space.key(network.genotype))
                for index, network in enumerate(networks)
                if (network.id, mark) not in known
            ]
            with scoring(_setup_of(scorer, setup, registry), space) as score:
                for scored in score(jobs):
                    network, trial = networks[scored.trial.index], scored.trial
                    if scored.reason:
                        failed.setdefault(mark, scored.reason)
                    known[network.id, mark] = trial.score, trial.seconds
                    record = {
                        "id": network.id,
                        "scorer": mark,
                        "score": str(trial.score),  # JSON has no infinity
                        "seconds": trial.seconds,
                    }
                    with setup.directory.storage_errors("scores.jsonl"):
                        journal.write(json.dumps(record) + "\n")
                        journal.flush()
                        os.fsync(journal.fileno())
                    bar.advance(scorer.name)
    for mark, reason in failed.items():
        setup.report.say(f"note: {mark.split()[0]} could not score some networks: {reason}")
    return known


def _setup_of(scorer: Component, setup: Setup, registry: Registry) -> Setup:
    """Return the setup to score with one scorer; starting workers for one that runs nothing costs more."""
    plan = attrs.evolve(setup.plan, scorer=scorer, baselines=(), objectives=())
    if getattr(registry.find("scorer", scorer.qualified).spec, "cost", "") == "model":
        assert plan.recipe.search is not None
        plan = attrs.evolve(
            plan, recipe=attrs.evolve(plan.recipe, search=attrs.evolve(plan.recipe.search, workers=1))
        )
    return attrs.evolve(setup, plan=plan)


def _read_scores(file: Path) -> dict[tuple[str, str], tuple[float, float]]:
    """Read the journal of scores.

    Raises:
        RunDirectoryError: it is damaged beyond its last line.
    """
    cut_torn_tail(file)
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    try:
        records = [json.loads(line) for line in lines]
        return {(r["id"], r["scorer"]): (float(r["score"]), float(r["seconds"])) for r in records}
    except (ValueError, KeyError, TypeError) as error:
        raise RunDirectoryError(f"{file} is damaged ({error}); remove it to score from the start") from error
