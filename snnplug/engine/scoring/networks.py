"""Networks by scorers: scores that are on the disk when they are known, and never computed twice."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from snnplug.contracts import TrainedNetwork
from snnplug.engine.parts import Parts
from snnplug.engine.progress import Reporter
from snnplug.engine.scoring.evaluator import Job
from snnplug.engine.scoring.workers import scoring
from snnplug.errors import RunDirectoryError
from snnplug.registry.component import Component
from snnplug.registry.contents import content_hash
from snnplug.registry.kinds import ScorerSpec
from snnplug.runs.damage import UNREADABLE
from snnplug.runs.directory import RunDirectory
from snnplug.runs.journal import cut_torn_tail
from snnplug.seeds import digest

__all__ = ["mark_of", "score_networks"]


def mark_of(component: Component) -> str:
    """Return what the journal knows a scorer by: its name, version and parameters."""
    return f"{component.qualified} {digest([component.version, component.to_dict()])[:12]}"


def score_networks(
    parts: Parts,
    scorers: Sequence[Component],
    networks: Sequence[TrainedNetwork],
    directory: RunDirectory,
    report: Reporter,
) -> dict[tuple[str, str], tuple[float, float]]:
    """Return score and seconds by network and scorer, from the journal where they are known."""
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
            workers, timeout = _workers(scorer, parts), parts.plan.recipe.search.timeout
            with scoring(parts, [scorer], workers, "the same command", timeout) as score:
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


def _workers(scorer: Component, parts: Parts) -> int:
    """Return the number of processes; starting some for a scorer that runs nothing costs more."""
    assert isinstance(scorer.spec, ScorerSpec)
    workers: int = parts.plan.recipe.search.workers
    return 1 if scorer.spec.cost == "model" else workers


def _read_scores(file: Path, contents: Mapping[str, str]) -> dict[tuple[str, str], tuple[float, float]]:
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
                known[id_, mark] = float(r["score"]), float(r["seconds"])
        except UNREADABLE as error:
            raise RunDirectoryError(
                f"{file} is damaged: line {number} is no score ({error}); remove the file to score from the "
                "start, or the line to score that network again"
            ) from error
    return known


def _checksum(record: dict[str, object]) -> str:
    return digest(record)[:16]
