"""Networks by scorers: scores that are on the disk when they are known, and never computed twice."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from snnplug.contracts import TrainedNetwork
from snnplug.engine.parts import Parts
from snnplug.engine.progress import Reporter
from snnplug.engine.scoring.evaluator import Job
from snnplug.engine.scoring.scorers import Scorers
from snnplug.engine.scoring.workers import scoring
from snnplug.engine.stages.search import inherits
from snnplug.engine.supernet import Shared
from snnplug.errors import RunDirectoryError
from snnplug.registry.component import Component
from snnplug.registry.contents import content_hash
from snnplug.registry.kinds import ScorerSpec
from snnplug.runs.damage import UNREADABLE
from snnplug.runs.directory import RunDirectory
from snnplug.runs.journal import cut_torn_tail
from snnplug.seeds import digest

__all__ = ["NetworkScore", "mark_of", "score_networks"]


class NetworkScore(NamedTuple):
    """A score, the seconds it took, and the numbers that it is made of, where its scorer says so."""

    score: float
    seconds: float
    parts: Mapping[str, float]


def mark_of(component: Component) -> str:
    """Return what the journal knows a scorer by: its name, version and parameters."""
    return f"{component.qualified} {digest([component.version, component.to_dict()])[:12]}"


def score_networks(
    parts: Parts,
    scorers: Sequence[Component],
    networks: Sequence[TrainedNetwork],
    directory: RunDirectory,
    report: Reporter,
    shared: Shared | None = None,
) -> dict[tuple[str, str], NetworkScore]:
    """Return scores by network and scorer, from the journal where they are known.

    Args:
        parts: around the networks.
        scorers: to score by.
        networks: to score.
        directory: that holds the journal.
        report: progress.
        shared: weights for the scorers that inherit.
    """
    file, space = directory.file("scores.jsonl"), parts.space
    assert space is not None
    contents = {mark_of(scorer): content_hash(scorer.plugin) for scorer in scorers}
    known = _read_scores(file, contents)
    failed: dict[str, str] = {}
    total = len(networks) * len(scorers)
    done = sum((network.id, mark_of(scorer)) in known for network in networks for scorer in scorers)
    with open(file, "a", encoding="utf-8") as journal, report.bar("score", total, done) as bar:
        for scorer in scorers:
            mark = mark_of(scorer)
            with parts.calls.running:
                jobs = [
                    Job(index, network.genotype, space.key(network.genotype))
                    for index, network in enumerate(networks)
                    if (network.id, mark) not in known
                ]
            timeout, (workers, executor) = parts.plan.recipe.search.timeout, _workers(scorer, parts)
            weights = shared if inherits(scorer) else None
            used = Scorers(scorer, shared=weights)
            with scoring(parts, used, workers, "the same command", timeout, executor) as score:
                for scored in score(jobs):
                    network, trial = networks[scored.trial.index], scored.trial
                    if scored.reason:
                        failed.setdefault(mark, scored.reason)
                    known[network.id, mark] = NetworkScore(trial.score, trial.seconds, trial.parts)
                    record = {
                        "id": network.id,
                        "scorer": mark,
                        "score": str(trial.score),  # JSON has no infinity
                        "parts": {name: str(value) for name, value in trial.parts.items()},
                        "seconds": trial.seconds,
                        "content": contents[mark],
                    }
                    with directory.storage_errors("scores.jsonl"):
                        journal.write(json.dumps(record | {"checksum": _checksum(record)}) + "\n")
                        journal.flush()
                        os.fsync(journal.fileno())
                    bar.advance(scorer.name)
    for mark, reason in failed.items():
        report.say(f"note: {mark.split()[0]} could not score some networks: {reason}")
    return known


def _workers(scorer: Component, parts: Parts) -> tuple[int, Component | None]:
    """Return how many workers, and where; starting some for a scorer that runs nothing costs more."""
    assert isinstance(scorer.spec, ScorerSpec)
    if scorer.spec.cost == "model":
        return 1, None
    return parts.plan.recipe.search.workers, parts.plan.get("search.executor")


def _read_scores(file: Path, contents: Mapping[str, str]) -> dict[tuple[str, str], NetworkScore]:
    """Read the journal of scores, without those of a scorer whose files have changed since.

    Raises:
        RunDirectoryError: it is damaged beyond its last line.
    """
    cut_torn_tail(file)
    known = {}
    for number, line in enumerate(file.read_bytes().splitlines() if file.exists() else [], 1):
        try:
            r = json.loads(line)
            if r.pop("checksum", None) not in (None, _checksum(r)):
                raise ValueError("its checksum is wrong")
            id_, mark, now = str(r["id"]), str(r["scorer"]), contents.get(str(r["scorer"]))
            if r.get("content", now) == now:  # earlier versions did not note it
                made_of = {str(name): float(value) for name, value in r.get("parts", {}).items()}
                known[id_, mark] = NetworkScore(float(r["score"]), float(r["seconds"]), made_of)
        except UNREADABLE as error:
            raise RunDirectoryError(
                f"{file} is damaged: line {number} is no score ({error}); remove the file to score from the "
                "start, or the line to score that network again"
            ) from error
    return known


def _checksum(record: dict[str, object]) -> str:
    return digest(record)[:16]
