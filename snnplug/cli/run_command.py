"""`snnplug run`: run a recipe, or continue a run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from snnplug.cli.run_argument import RunPath
from snnplug.engine.launcher import is_first
from snnplug.recipe.built_in import DEFAULT
from snnplug.runs.standard_json import to_json

if TYPE_CHECKING:
    from snnplug.engine.progress import Log
    from snnplug.engine.result import Run

__all__ = ["command"]


@click.command("run")
@click.argument("recipe", required=False)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Run directory to make [default: a new one under runs/]."
)
@click.option(
    "-s", "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key of the recipe."
)
@click.option("--resume", "resumed", type=RunPath(), metavar="DIR", help="Continue a stopped run.")
@click.option(
    "--from",
    "origin",
    type=RunPath(),
    metavar="DIR",
    help="Make a new run of a run's network; hf://ORG/NAME of a shared one.",
)
@click.option(
    "--candidate",
    metavar="WHICH",
    help="With --from: a candidate's number, key or genotype, or pareto for a run each [default: the best].",
)
@click.option("--weights", is_flag=True, help="With --from: start from the weights that it has trained.")
@click.option(
    "--accept-versions", is_flag=True, help="With --resume: go on though plugins or their files have changed."
)
@click.option("--retry-failed", is_flag=True, help="With --resume: score candidates again that have failed.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--devices", type=click.IntRange(min=1), default=1, show_default=True, help="Number of GPUs.")
@click.option(
    "--dashboard", is_flag=True, help="Serve Optuna's dashboard of the search while the run goes on."
)
@click.option(
    "--tracker",
    "trackers",
    multiple=True,
    metavar="NAME",
    help="Also write how it goes on by this tracker: its name, or '{use = \"NAME\", KEY = VALUE}'.",
)
@click.option(
    "--log",
    type=click.Choice(["auto", "jsonl"]),
    default="auto",
    show_default=True,
    help="Progress on standard error: bars on a terminal and lines elsewhere, or JSON lines.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print the run directory only.")
def command(
    recipe: str | None,
    out: Path | None,
    overrides: tuple[str, ...],
    resumed: Path | None,
    origin: Path | None,
    candidate: str | None,
    weights: bool,
    accept_versions: bool,
    retry_failed: bool,
    device: str,
    devices: int,
    dashboard: bool,
    trackers: tuple[str, ...],
    log: Log,
    quiet: bool,
) -> None:
    """Run RECIPE: search, train, measure and report.

    RECIPE is a TOML file or the name of a built-in recipe; without one the built-in
    default runs, on data that comes with a dependency. The run directory is printed last.

    \b
    Examples:
      snnplug run
      snnplug run recipe.toml -s neuron.tau=2.0 -s train.epochs=30
      snnplug run --resume runs/default-20260101-120000
      snnplug run --from runs/default-20260101-120000 --candidate 38 -s train.epochs=60
    """
    if resumed is not None and (recipe or out or overrides or origin):
        raise click.UsageError(
            "--resume goes on with a run as it is: give no RECIPE, --out, --from or -s; "
            "--from DIR makes a new run of it, with other settings"
        )
    if origin is not None and recipe:
        raise click.UsageError("--from takes the recipe of the run: give no RECIPE; -s changes it")
    if origin is not None and dashboard:
        raise click.UsageError("--dashboard shows a search, and --from makes none: leave it out")
    if origin is None and (candidate is not None or weights):
        raise click.UsageError("--candidate and --weights go with --from DIR")
    if resumed is None and (accept_versions or retry_failed):
        raise click.UsageError("--accept-versions and --retry-failed go with --resume DIR")
    began = time.perf_counter()
    if not quiet and resumed is None and origin is None:
        _say_composed(recipe or DEFAULT, overrides, log)
    from snnplug.engine.process import own_process

    own_process()  # before torch is loaded
    from snnplug.engine.run import resume as continue_run
    from snnplug.engine.run import run as start_run
    from snnplug.engine.run import run_again

    if resumed is not None:
        done = continue_run(
            resumed,
            device=device,
            devices=devices,
            quiet=quiet,
            dashboard=dashboard,
            trackers=trackers,
            log=log,
            began=began,
            accept_versions=accept_versions,
            retry_failed=retry_failed,
        )
    elif origin is not None:
        run_again(
            origin,
            candidate=candidate,
            weights=weights,
            out=out,
            overrides=overrides,
            device=device,
            devices=devices,
            quiet=quiet,
            trackers=trackers,
            log=log,
            began=began,
            finished=lambda done: _say_done(done, quiet, log),
        )
        return
    else:
        done = start_run(
            recipe or DEFAULT,
            out=out,
            overrides=overrides,
            device=device,
            devices=devices,
            quiet=quiet,
            dashboard=dashboard,
            trackers=trackers,
            log=log,
            began=began,
        )
    _say_done(done, quiet, log)


def _say_composed(recipe: str, overrides: tuple[str, ...], log: Log) -> None:
    """Say what a recipe composes before anything large is imported."""
    from snnplug.recipe.described import described
    from snnplug.recipe.read import read_recipe

    parsed = read_recipe(recipe, overrides)
    _say(f"{parsed.name}: {described(parsed)}", log, "recipe", name=parsed.name)


def _say_done(done: Run, quiet: bool, log: Log) -> None:
    if not is_first():
        return  # one of several processes; the first speaks for all
    if not quiet:
        _say_result(done, log)
    click.echo(done.directory)


def _say_result(done: Run, log: Log) -> None:
    from snnplug.runs.figures import figures

    report = done.directory / "report.html"
    if log == "jsonl":
        _say("finished", log, "end", directory=str(done.directory), summary=done.summary)
        return
    found = {} if done.result is None else figures(done.result)
    width = max(map(len, found), default=0)
    for name, figure in found.items():
        click.echo(f"{name:<{width}}  {figure}", err=True)
    click.echo(f"report: {report}", err=True)


def _say(text: str, log: Log, event: str, **facts: Any) -> None:
    if is_first():
        said = to_json({"event": event, "text": text, **facts}, indent=None) if log == "jsonl" else text
        click.echo(said, err=True)
