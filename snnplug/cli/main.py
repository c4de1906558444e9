"""The command `snnplug`: finds the module of the command that was asked for, and says errors in one message.

A command's module is imported only when that command runs, so that listing and help stay quick.
"""

from __future__ import annotations

import importlib
from typing import Any

import click

from snnplug.errors import SnnplugError, did_you_mean
from snnplug.version import __version__

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "run": "Run a recipe and write a run directory.",
    "replay": "Repeat a run and say whether the result is identical.",
    "compare": "Put runs side by side.",
    "export-table": "Print epochs or candidates of a run as CSV.",
    "correlate": "Say how well scorers predict accuracies.",
    "list": "List what is installed.",
    "show": "Show one registered thing with its parameters.",
    "check": "Check all plugins, or a recipe, without running anything.",
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(
            f"snnplug.cli.{name.replace('-', '_')}_command"
        ).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            hint = did_you_mean(args[0], COMMANDS)
            ctx.fail(f"unknown command {args[0]!r}.{hint} Commands: {', '.join(COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SnnplugError as error:
            click.echo(f"snnplug: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt as stop:
            hints = getattr(stop, "__notes__", ())  # of whatever knows how to go on
            click.echo("; ".join(["snnplug: interrupted", *hints]), err=True)
            ctx.exit(130)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
def main() -> None:
    """Compose whatever spiking-network methods are installed into experiments."""
