"""`snnplug push`: a finished run goes to a hub of models, with a model card."""

from __future__ import annotations

from pathlib import Path

import click

from snnplug.cli.run_argument import RunPath

__all__ = ["command"]


@click.command("push")
@click.argument("directory", metavar="RUN", type=RunPath())
@click.argument("repo", metavar="ORG/NAME[@BRANCH]")
@click.option(
    "--private/--public", default=None, help="A new repository is its owner's alone, or everybody's."
)
@click.option("--message", metavar="TEXT", default="", help="Of the commit.")
@click.option(
    "--license", metavar="ID", default="", help="For the model card, such as apache-2.0 [default: none]."
)
@click.option("--dry-run", is_flag=True, help="Write the folder only, to be looked at; with --out.")
@click.option(
    "-o",
    "--out",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder to write the files into, and keep [default: a temporary one].",
)
@click.option("-q", "--quiet", is_flag=True, help="Print the address only.")
@click.pass_context
def command(
    ctx: click.Context,
    directory: Path,
    repo: str,
    private: bool | None,
    message: str,
    license: str,
    dry_run: bool,
    folder: Path | None,
    quiet: bool,
) -> None:
    """Share the finished RUN on the Hugging Face hub: network, figures, recipe, search, report, model card.

    The files are read back and compared before they go out. They hold no path, no name of the user or the
    machine, and nothing to continue the training with. Log in once with: hf auth login

    \b
    Examples:
      snnplug push runs/default-1 ORG/NAME --dry-run -o shared
      snnplug push runs/default-1 ORG/NAME --private --license apache-2.0

    Whoever has the plugins loads it with snnplug.load("hf://ORG/NAME"). The address is printed last.
    """
    if dry_run and folder is None:
        ctx.fail("--dry-run writes the files into a folder, to be looked at: name it by --out DIR")
    from snnplug.engine.process import own_process

    own_process()  # before torch is loaded
    from snnplug.engine.push import push
    from snnplug.registry.registry import Registry

    told = push(
        directory,
        repo,
        Registry.from_installed(),
        private=private,
        message=message,
        license=license,
        folder=folder,
        dry_run=dry_run,
        quiet=quiet,
    )
    click.echo(told)
