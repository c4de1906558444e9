"""`snnplug correlate`: scorers against the accuracies of a benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

if TYPE_CHECKING:
    from snnplug.contracts import Benchmark
    from snnplug.engine.correlate import Correlation

__all__ = ["command", "write_scores"]


@click.command("correlate")
@click.argument("recipe", required=False)
@click.option("--benchmark", required=True, metavar="NAME", help="What tells the accuracies.")
@click.option("--scorer", "scorers", multiple=True, metavar="NAME", help="A scorer [default: all installed].")
@click.option("--no-scorers", is_flag=True, help="Only what the benchmark itself tells; nothing is built.")
@click.option(
    "--sample",
    type=click.IntRange(min=2),
    default=200,
    show_default=True,
    help="Functionally different networks to score.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Directory to make or to continue.")
@click.option("-s", "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(
    recipe: str | None,
    benchmark: str,
    scorers: tuple[str, ...],
    no_scorers: bool,
    sample: int,
    out: Path | None,
    overrides: tuple[str, ...],
    device: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Say how well scorers predict the accuracies of a benchmark's networks.

    What builds the networks is the benchmark's to say; RECIPE and -s go before it. Keys
    benchmark.KEY and scorers.NAME.KEY set parameters of the benchmark and of a scorer;
    search.workers=N scores in N processes; search.supernet.from=DIR names the run whose
    supernet is inherited from, without which scorers of inherited weights are left out.

    \b
    Example:
      snnplug correlate --benchmark NAME -s benchmark.root=FOLDER \\
          -s dataset.root=IMAGES --sample 150 --scorer SCORER
    """
    from snnplug.runs.standard_json import to_json

    if no_scorers:
        if recipe or scorers or out:
            raise click.UsageError("--no-scorers builds nothing: give no RECIPE, --scorer or --out")
        record, text = _table(benchmark, overrides, quiet)
    else:
        record, text = _scores(benchmark, recipe, scorers, sample, out, overrides, device, quiet)
    click.echo(to_json(record) if as_json else text)


def _table(benchmark: str, overrides: tuple[str, ...], quiet: bool) -> tuple[dict[str, Any], str]:
    from snnplug.engine.correlate import read_benchmark
    from snnplug.registry.registry import Registry

    _, table = read_benchmark(benchmark, overrides, Registry.from_installed(quiet=quiet))
    record, text = _told(table)
    return {"benchmark": table.note, **record}, f"{table.note}\n\n{text}".rstrip()


def _told(table: Benchmark) -> tuple[dict[str, Any], str]:
    """Return what a benchmark itself tells, as data and as text."""
    from snnplug.report.correlation import configurations_text, predictor_table, to_record
    from snnplug.statistics.configurations import find_configurations
    from snnplug.statistics.predictors import agreement, figures, layer_groups, told, trainable, unique

    everything, different = trainable(table.networks), unique(table.networks)
    found = find_configurations(different)
    all_logs = [agreement(predictor, everything) for predictor in told(everything)]
    record: dict[str, Any] = {"all": to_record(all_logs)}
    texts = []
    alike = [network for network in different if network.id not in found.other]
    for name, networks in (("different", different), ("alike", alike)):
        groups = layer_groups(networks)
        rows = [figures(predictor, networks, groups, rho=False) for predictor in told(networks)]
        record[name] = to_record(rows)
        if name == "different":
            texts.append(predictor_table(rows, all_logs=all_logs))
        elif found.other:
            texts += [configurations_text(found, different), f"The {len(alike):,} trained alike\n"]
            texts.append(predictor_table(rows))
    record["configurations"] = {"other": dict(found.other), "separation": found.separation}
    return record, "\n".join(texts)


def _scores(
    benchmark: str,
    recipe: str | None,
    scorers: tuple[str, ...],
    sample: int,
    out: Path | None,
    overrides: tuple[str, ...],
    device: str,
    quiet: bool,
) -> tuple[dict[str, Any], str]:
    from snnplug.engine.process import own_process

    own_process()  # before torch is loaded
    from snnplug.engine.correlate import correlate

    found = correlate(
        benchmark,
        recipe,
        scorers=scorers,
        sample=sample,
        out=out,
        overrides=overrides,
        device=device,
        quiet=quiet,
    )
    record, text = write_scores(found)
    if not quiet:
        out = found.directory.path
        click.echo(f"written to {out}: correlate.md, correlate.json, correlate.svg", err=True)
    return record, text.rstrip()


def write_scores(found: Correlation) -> tuple[dict[str, Any], str]:
    """Write what was found into its directory, and return it as data and as text."""
    from snnplug.report.correlation import configurations_text, predictor_table, to_record, write_scatter
    from snnplug.statistics.configurations import find_configurations

    seed = found.settings["seed"]
    rows = _figures(found, range(len(found.networks)))
    configurations = find_configurations(found.benchmark.networks)
    alike = [i for i, network in enumerate(found.networks) if network.id not in configurations.other]
    rows_alike = rows if len(alike) == len(found.networks) else _figures(found, alike)
    told, told_text = _told(found.benchmark)
    scored = [predictor for predictor in found.predictors if predictor.kind not in ("table", "chance")]
    record = {
        "benchmark": found.benchmark.note,
        "settings": found.settings,
        "scores": to_record(rows),
        "scores_alike": to_record(rows_alike),
        "table": told,
        "networks": [
            {
                "id": network.id,
                "genotype": network.genotype,
                "accuracy": network.accuracy,
                "scores": {predictor.name: predictor.values[i] for predictor in scored},
            }
            for i, network in enumerate(found.networks)
        ],
    }
    text = f"{len(found.networks)} functionally different networks, drawn with seed {seed}\n\n"
    text += predictor_table(rows, scored=True)
    if other := configurations_text(configurations, found.networks):
        text += f"\n{other}\nThe {len(alike):,} trained alike\n\n{predictor_table(rows_alike, scored=True)}"
    if told_text:
        text += f"\n{found.benchmark.note}\n\n{told_text}"
    found.directory.write_json("correlate.json", record)
    found.directory.write_text("correlate.md", text)
    write_scatter(scored, found.networks, found.directory.path / "correlate.svg")
    return record, text


def _figures(found: Correlation, which: Sequence[int]) -> list[dict[str, Any]]:
    """Return the figures of all predictors for some of the networks that were scored."""
    from snnplug.statistics.predictors import figures, layer_groups

    groups = layer_groups(found.networks, found.predictors)
    networks = [found.networks[i] for i in which]
    return [
        figures(
            attrs.evolve(predictor, values=tuple(predictor.values[i] for i in which)),
            networks,
            None if groups is None else [groups[i] for i in which],
            seed=found.settings["seed"],
        )
        for predictor in found.predictors
    ]
