"""Whether a network fits chips: that of a run, of one of its candidates, or of a recipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
from torch import nn

from snnplug.contracts import LayerGraph
from snnplug.engine.asked import asked_components
from snnplug.engine.chips import fit_of, layers_of
from snnplug.engine.device import find_place, usual_settings
from snnplug.engine.digests import weights_digest
from snnplug.engine.evaluate import evaluate
from snnplug.engine.parts import Parts, make_parts
from snnplug.engine.prediction import make_predictor, no_samples, with_samples
from snnplug.engine.prepare import prepare
from snnplug.errors import RecipeError
from snnplug.nn.quantize import quantized
from snnplug.recipe.plan import make_plan
from snnplug.recipe.read import read_recipe
from snnplug.recipe.recipe import Recipe
from snnplug.recipe.section import Table
from snnplug.registry.component import Component
from snnplug.registry.registry import Registry
from snnplug.report.page import write_report
from snnplug.runs.candidates import find_candidate
from snnplug.runs.lint_records import ChipRecord, LintRecord, QuantizedRecord
from snnplug.runs.opening import open_directory
from snnplug.runs.reading import Records, read_resolved, to_plain

__all__ = ["lint_recipe", "lint_run"]

Chips = Sequence[str | Table]

_KINDS = ("dataset", "encoder", "neuron", "architecture", "search_space")  # that a network is made of
_BATCH = 128


def lint_run(
    path: Path,
    chips: Chips,
    registry: Registry,
    *,
    candidate: str = "",
    quantize: bool = False,
    say: Callable[[str, str], object] = lambda line, details: None,
) -> tuple[LintRecord, LayerGraph]:
    """Ask chips about the trained network of a run, or one of its candidates.

    What is said of the trained network is written as `lint.json`, in place of one from before, and shown by
    the report, which is written again; `summary.json` stays as it is. Of a candidate, and into a shared run,
    nothing is written.

    Args:
        path: run directory.
        chips: names or tables.
        registry: where names are looked up.
        candidate: number, key or genotype; empty for the trained network.
        quantize: also round the weights to each chip's bits, and classify the test data with both.
        say: called with a line and a traceback for each section of the report that cannot be made.

    Raises:
        RunDirectoryError: it is no run, or nothing was trained.
        UsageError: a chip or the candidate is not known.
        ComponentError: a chip fails.
    """
    components = asked_components("chip", chips, registry, "chip")
    directory = open_directory(path)
    read_resolved(directory)
    records = Records.read(directory.path)
    with usual_settings():
        if candidate:
            return _lint_candidate(records, components, registry, candidate, quantize)
        predictor = make_predictor(records, registry, "cpu")
        network = layers_of(predictor.parts, predictor.model)
        weights = weights_digest(predictor.model)
        record = LintRecord(weights=weights, chips=tuple(_asked(chip, network) for chip in components))
        if quantize:
            parts = with_samples(predictor.parts, records, registry)
            record = _with_quantized(record, components, parts, predictor.model, network)
    if directory.writable:
        with directory.locked(f"snnplug lint {path}"):
            directory.write_json("lint.json", to_plain(record))
            write_report(path, say)
    return record, network


def lint_recipe(
    source: str,
    overrides: Sequence[str],
    chips: Chips,
    registry: Registry,
    *,
    candidate: str = "",
) -> tuple[LintRecord, LayerGraph]:
    """Ask chips about the network of a recipe, before anything is trained.

    Args:
        source: file, or name of a built-in recipe.
        overrides: `key=value`.
        chips: names or tables.
        registry: where names are looked up.
        candidate: genotype, where the recipe searches.

    Raises:
        RecipeError: the recipe is wrong, or searches and no genotype is given.
        UsageError: a chip is not known.
        ComponentError: a chip fails, or a part of the network.
    """
    components = asked_components("chip", chips, registry, "chip")
    parts = prepare(read_recipe(source, overrides), registry, device="cpu", only=_KINDS).parts
    if parts.space is None and candidate:
        raise RecipeError([f"{source} names an architecture and searches none; leave --candidate out"])
    if parts.space is not None and not candidate:
        raise RecipeError(
            [
                f"{source} searches its network, so there is none yet: give --candidate with a genotype, "
                'lint the run once there is one, or let the search ask: [search] limits = { chip = "..." }'
            ]
        )
    with usual_settings():
        return _untrained(parts, components, candidate or None)


def _lint_candidate(
    records: Records, chips: list[Component], registry: Registry, candidate: str, quantize: bool
) -> tuple[LintRecord, LayerGraph]:
    if quantize:
        raise RecipeError([f"{records.directory}: a candidate has no trained weights to quantize"])
    genotype, resolved = find_candidate(records, candidate).genotype, records.resolved
    plan = make_plan(Recipe.from_dict(resolved.recipe), registry, _KINDS)
    splits = None if resolved.task is None else no_samples(resolved.task)
    return _untrained(make_parts(plan, find_place("cpu").device, splits), chips, genotype)


def _untrained(parts: Parts, chips: list[Component], genotype: Any) -> tuple[LintRecord, LayerGraph]:
    key = "untrained"
    if parts.space is not None:
        with parts.calls.running:
            key = parts.space.key(genotype)
    network = layers_of(parts, parts.network(genotype, "lint"))
    return LintRecord(network=key, chips=tuple(_asked(chip, network) for chip in chips)), network


def _asked(chip: Component, network: LayerGraph) -> ChipRecord:
    """Return what a chip says."""
    fit, built = fit_of(chip, network), chip.build()
    title, source = str(getattr(built, "title", chip.name)), str(getattr(built, "source", ""))
    return ChipRecord.of(chip.qualified, chip.parameters, title, source, fit)


def _with_quantized(
    record: LintRecord, chips: list[Component], parts: Parts, model: nn.Module, network: LayerGraph
) -> LintRecord:
    """Return a record with accuracies before and after rounding."""
    found, splits = [], {name: getattr(parts.splits, name) for name in ("test", "val", "train")}
    name, split = next((n, s) for n, s in splits.items() if s is not None and len(s))
    before = evaluate(parts, model, split, name, _BATCH)
    for chip, said in zip(chips, record.chips, strict=True):
        built: Any = chip.build()
        if built.weight_bits < 2:
            found.append(said)
            continue
        rounded, left = quantized(model, network, built.weight_bits, per_channel=built.per_channel)
        after = evaluate(parts, rounded, split, name, _BATCH)
        quantity = QuantizedRecord(
            bits=built.weight_bits,
            per_channel=built.per_channel,
            split=name,
            samples=len(split),
            before=None if before is None else before.accuracy,
            after=None if after is None else after.accuracy,
            left=left,
        )
        found.append(attrs.evolve(said, quantized=quantity))
    return attrs.evolve(record, chips=tuple(found))
