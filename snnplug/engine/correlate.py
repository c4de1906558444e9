"""Scorers against accuracies: score networks of a benchmark, and say how well the scores predict.

Scored is a sample of functionally different networks, drawn by the recipe's seed: a larger sample
holds the smaller one. Every score is on the disk when it is known, so the same command goes on
where it was stopped, with more scorers or a larger sample too.
"""

from __future__ import annotations

import json
import math
import random
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs

from snnplug.contracts import Benchmark, TrainedNetwork
from snnplug.engine.benchmark import build_benchmark
from snnplug.engine.device import deterministic, device_name, usual_settings
from snnplug.engine.prepare import prepare
from snnplug.engine.progress import Reporter
from snnplug.engine.provenance import versions
from snnplug.engine.scoring.inherited import able, shared_weights
from snnplug.engine.scoring.networks import NetworkScore, mark_of, score_networks
from snnplug.engine.scoring.scorers import build_scorers
from snnplug.engine.stages.search import inherits
from snnplug.errors import ContractError, RecipeError, RunDirectoryError
from snnplug.recipe.overrides import apply_overrides
from snnplug.recipe.read import read_recipe, recipe_text
from snnplug.recipe.recipe import Recipe
from snnplug.registry.component import Component
from snnplug.registry.contain import calling
from snnplug.registry.interrupts import listening
from snnplug.registry.kinds import ScorerSpec
from snnplug.registry.registry import Registry
from snnplug.runs.checksums import checksum_of
from snnplug.runs.damage import damaged
from snnplug.runs.directory import RunDirectory
from snnplug.seeds import derive_seed
from snnplug.statistics.predictors import Predictor, told, unique

__all__ = ["Correlation", "correlate", "read_benchmark"]

_TABLES = ("dataset", "encoder", "neuron", "loss")
_KINDS = ("dataset", "encoder", "neuron", "search_space")  # what scoring a network needs


@attrs.frozen(kw_only=True)
class Correlation:
    """What was found.

    Attributes:
        benchmark: what the networks are.
        networks: those scored, functionally different.
        predictors: of the scored networks: scores first, then what the benchmark itself tells.
        settings: what it was computed with, plain data.
        directory: where the scores are.
    """

    benchmark: Benchmark
    networks: tuple[TrainedNetwork, ...]
    predictors: tuple[Predictor, ...]
    settings: dict[str, Any]
    directory: RunDirectory


def read_benchmark(name: str, overrides: Iterable[str], registry: Registry) -> tuple[Component, Benchmark]:
    """Return a benchmark, with its parameters from overrides `benchmark.key=value`.

    Raises:
        UsageError: there is no such benchmark, a parameter is wrong, or its data is missing.
    """
    mine = [override for override in overrides if override.startswith("benchmark.")]
    data, _ = apply_overrides({"benchmark": {"use": name}}, mine)
    component = registry.component("benchmark", data["benchmark"], "benchmark")
    if problems := component.check("benchmark"):
        raise RecipeError([*problems, "set a parameter of the benchmark by -s benchmark.key=value"])
    with listening():
        return component, build_benchmark(component)


def correlate(
    benchmark: str,
    recipe: str | Path | None = None,
    *,
    scorers: Sequence[str] = (),
    sample: int = 200,
    out: Path | None = None,
    overrides: Iterable[str] = (),
    device: str = "auto",
    registry: Registry | None = None,
    quiet: bool = True,
) -> Correlation:
    """Score a sample of a benchmark's networks.

    Args:
        benchmark: name of a benchmark.
        recipe: file or name of a recipe whose space, data, encoder and neuron go before the benchmark's.
        scorers: names; all that are installed if none is given, but for those of inherited weights where the
            recipe names no supernet. Baselines always come along.
        sample: number of functionally different networks, at most.
        out: directory for the results; one that holds a part of them is continued; by default a new one
            under runs/.
        overrides: texts `key=value` of the recipe, `benchmark.key=value` and `scorers.name.key=value`;
            `search.workers=n` scores in n processes, `search.supernet.from=DIR` names the run whose supernet
            networks inherit from.
        device: "auto", "cpu" or "cuda".
        registry: where names are looked up; by default every installed plugin.
        quiet: print nothing.

    Raises:
        UsageError: something given is wrong; nothing has been started.
    """
    overrides = tuple(overrides)
    registry = registry or Registry.from_installed(quiet=quiet)
    component, table = read_benchmark(benchmark, overrides, registry)
    networks = unique(table.networks)
    if len(networks) < 2:
        raise ContractError(
            f"benchmark {component.qualified} has {len(networks)} functionally different networks that can "
            "be built; a correlation needs at least 2"
        )
    chosen = _scorers(scorers, overrides, registry)
    report = Reporter(quiet=quiet)
    report.say(table.note)
    recipe_of = _recipe(recipe, overrides, table)
    if not scorers and (kept := able(chosen, recipe_of)):
        if left := [scorer.name for scorer in chosen if scorer not in kept]:
            report.say(f"note: without search.supernet.from left out, as they inherit: {', '.join(left)}")
        chosen = kept
    build_scorers(chosen)
    read_out = ["loss"] if any(map(inherits, chosen)) else []
    prepared = prepare(recipe_of, registry, device=device, launch=True, only=(*_KINDS, *read_out))
    parts, plan = prepared.parts, prepared.parts.plan
    with usual_settings():
        shared = shared_weights(parts, chosen)
    random.Random(derive_seed(parts.seed, "correlate sample")).shuffle(networks)
    networks = networks[:sample]
    fixed = {
        "benchmark": component.to_dict(),
        **{key: part.to_dict() for key, part in plan.components.items()},
        "seed": parts.seed,
    }
    if shared is not None:
        fixed["supernet"] = checksum_of(shared.directory / shared.name)
    directory = _directory(out, component, fixed)
    used = (*plan.used(), component, *chosen)
    with directory.locked(f"snnplug correlate --benchmark {benchmark}"), listening():
        if not _is_begun(directory, fixed):
            directory.write_json("settings.json", fixed)
        try:
            with usual_settings(), deterministic(), calling(None, among=lambda: used):
                values = score_networks(parts, chosen, networks, directory, report, shared)
        except KeyboardInterrupt as stop:
            stop.add_note(f"continue with the same command and --out {directory.path}")
            raise
    settings = {
        **fixed,
        "scorers": {c.qualified: c.to_dict() for c in chosen},
        "device": device_name(prepared.fabric),
        "versions": versions(used),
    }
    predictors: list[Predictor] = []
    for scorer in chosen:
        predictors += _predictors(scorer, [values[network.id, mark_of(scorer)] for network in networks])
    return Correlation(
        benchmark=table,
        networks=tuple(networks),
        predictors=(*predictors, *told(networks)),
        settings=settings,
        directory=directory,
    )


def _scorers(names: Sequence[str], overrides: Sequence[str], registry: Registry) -> list[Component]:
    data, _ = apply_overrides({"scorers": {}}, [o for o in overrides if o.startswith("scorers.")])
    parameters = data["scorers"]
    installed = registry.list("scorer")
    wanted = list(names) or [r.qualified for r in installed]
    wanted += [r.qualified for r in installed if isinstance(r.spec, ScorerSpec) and r.spec.baseline]
    found: dict[str, Component] = {}
    problems: list[str] = []
    for name in wanted:
        scorer = registry.use("scorer", name)
        given = parameters.get(scorer.name, parameters.get(scorer.qualified, {}))
        component = registry.component("scorer", {**given, "use": scorer.qualified}, f"scorers.{scorer.name}")
        if component.qualified not in found:
            problems += component.check(f"scorers.{scorer.name}")
        found.setdefault(component.qualified, component)
    known = {text for c in found.values() for text in (c.name, c.qualified)}
    problems += [f"scorers.{name}: this scorer is not used" for name in parameters if name not in known]
    if problems:
        raise RecipeError(problems)
    if not found:
        raise RecipeError(["no scorer is installed; install a plugin that offers one"])
    return list(found.values())


def _recipe(source: str | Path | None, overrides: Sequence[str], benchmark: Benchmark) -> Recipe:
    """Return a recipe that holds what building and scoring a network needs, and no other stage."""
    given: dict[str, Any] = {}
    if source is not None:
        read_recipe(source)  # says what is wrong with it
        given = tomllib.loads(recipe_text(source))
    data = {key: given.get(key, benchmark.recipe.get(key)) for key in _TABLES}
    data = {key: table for key, table in data.items() if table is not None}
    search = {**benchmark.recipe.get("search", {}), **given.get("search", {})}
    search = {key: search[key] for key in ("space", "strategy", "supernet") if key in search}
    data |= {"name": "correlate", "seed": given.get("seed", 0), "search": search}
    data, overridden = apply_overrides(
        data, [o for o in overrides if not o.startswith(("benchmark.", "scorers."))]
    )
    if "space" not in data["search"]:
        raise RecipeError(
            ["the benchmark names no search space: give a recipe that has one, or -s search.space.use"]
        )
    return attrs.evolve(Recipe.from_dict(data), overridden=overridden)


def _directory(out: Path | None, benchmark: Component, fixed: dict[str, Any]) -> RunDirectory:
    """Make the directory, or check that what stands in it belongs to this correlation."""
    if out is None:
        return RunDirectory.claim(f"correlate-{benchmark.name}")
    directory = RunDirectory(out)
    if not _is_begun(directory, fixed):
        out.mkdir(parents=True, exist_ok=True)
    return directory


def _is_begun(directory: RunDirectory, fixed: dict[str, Any]) -> bool:
    """Whether the directory holds a part of this correlation; it may be empty or missing else.

    Raises:
        RunDirectoryError: it holds something else.
    """
    path = directory.path
    known = directory.read_json("settings.json")
    if known is None:
        if path.exists() and (not path.is_dir() or any(e.name[0] != "." for e in path.iterdir())):
            raise RunDirectoryError(f"{path} exists and is no correlation; choose another --out")
        return False
    if not isinstance(known, dict):
        raise damaged(path, "settings.json", "it holds no settings")
    if known != json.loads(json.dumps(fixed)):
        given = json.loads(json.dumps(fixed))
        differing = [key for key in {**given, **known} if known.get(key) != given.get(key)]
        raise RunDirectoryError(
            f"{path} holds a correlation with another {', '.join(differing)}; choose another --out"
        )
    return True


def _predictors(scorer: Component, scores: Sequence[NetworkScore]) -> list[Predictor]:
    """Return a scorer's scores, then what they are made of, of which no direction is known."""
    spec = scorer.spec
    assert isinstance(spec, ScorerSpec)
    seconds = sorted(one.seconds for one in scores)
    own = Predictor(
        name=scorer.name,
        values=tuple(one.score for one in scores),
        sign=1.0 if spec.higher_is_better else -1.0,
        kind="baseline" if spec.baseline else "scorer",
        per_second=1 / max(seconds[len(seconds) // 2], 1e-9) if seconds else math.nan,
    )
    names = dict.fromkeys(name for one in scores for name in one.parts)
    made_of = [
        Predictor(
            name=f"{scorer.name}: {name}",
            values=tuple(one.parts.get(name, math.nan) for one in scores),
            kind="part",
        )
        for name in names
    ]
    return [own, *made_of]
