"""`snnplug replay`: repeat a run and say whether the result is identical."""

from __future__ import annotations

from pathlib import Path

import click

from snnplug.cli.run_argument import RunPath

__all__ = ["command"]


@click.command("replay")
@click.argument("directory", type=RunPath())
@click.option(
    "--out", type=click.Path(path_type=Path), help="Run directory to make [default: a new one under runs/]."
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("-q", "--quiet", is_flag=True, help="Print the verdict only.")
def command(directory: Path, out: Path | None, device: str, quiet: bool) -> None:
    """Run the recorded recipe of DIRECTORY again and compare the results.

    DIRECTORY may be hf://ORG/NAME, a run that was shared.

    Exit code 0 if they are identical apart from times, 1 if not.
    """
    from snnplug.engine.process import own_process

    own_process()  # before torch is loaded
    from snnplug.engine.replay import replay

    result = replay(directory, out=out, device=device, quiet=quiet)
    for line in result.changed_versions:
        click.echo(f"version {line}", err=True)
    for line in result.differences:
        click.echo(f"differs: {line}")
    click.echo("identical" if result.identical else "not identical")
    click.echo(result.run.directory)
    if not result.identical:
        raise SystemExit(1)
