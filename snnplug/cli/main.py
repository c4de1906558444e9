"""The command `snnplug`: finds the module of the command that was asked for, and says errors in one message.

A command's module is imported only when that command runs, so that listing and help stay quick.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from snnplug.cli.interrupts import Interrupts
from snnplug.cli.streams import drop_output, mend_streams
from snnplug.errors import SnnplugError, did_you_mean
from snnplug.version import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "run": "Run a recipe and write a run directory.",
    "convert": "Convert a trained PyTorch model to a spiking network.",
    "study": "Run every combination of some settings, and say what differs.",
    "replay": "Repeat a run and say whether the result is identical.",
    "compare": "Put runs side by side.",
    "energy": "Estimate the energy of a finished run by more models.",
    "lint": "Say whether a network fits a chip, and what does not.",
    "export": "Write a trained network to a file that others read, and verify it.",
    "stream": "Run a trained network step by step on what comes from a pipe.",
    "push": "Share a finished run on a hub of models.",
    "export-table": "Print epochs or candidates of a run as CSV.",
    "correlate": "Say how well scorers predict accuracies.",
    "list": "List what is installed.",
    "recipes": "List the built-in recipes, or print one.",
    "show": "Show one registered thing with its parameters.",
    "new": "Write a package for a method of your own.",
    "check": "Check all plugins, or a recipe, without running anything.",
    "schema": "Print the JSON Schema of recipes, for editors.",
    "completion": "Print a script that makes Tab complete commands, names and keys.",
}


class _LazyGroup(click.Group):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        mend_streams()  # of the program itself, not where a test calls `main`
        if "_SNNPLUG_COMPLETE" in os.environ:
            importlib.import_module("snnplug.cli.completion")  # tells click how each shell is answered
        return super().__call__(*args, **kwargs)

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

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=COMMANDS[name]) for name in COMMANDS if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def invoke(self, ctx: click.Context) -> Any:
        with Interrupts() as interrupts:
            try:
                result = super().invoke(ctx)
                sys.stdout.flush()  # what cannot be written is an error here, not when the process ends
                return result
            except SnnplugError as error:
                click.echo(f"snnplug: {error}{_traceback(error)}", err=True)
                ctx.exit(error.exit_code)
            except OSError as error:
                if error.errno == errno.EPIPE:
                    raise  # whoever read the output has seen enough
                drop_output()
                click.echo(f"snnplug: {error}", err=True)
                ctx.exit(1)
            except KeyboardInterrupt as stop:
                interrupts.say(stop)
                exec("")  # Python ends itself by SIGINT if that went through an `exec`, until the next one
                ctx.exit(interrupts.exit_code)


def _traceback(error: SnnplugError) -> str:
    """Return the traceback of a component's failure where it is asked for, or else how to ask."""
    details = getattr(error, "details", "")
    if not details:
        return ""
    if os.environ.get("SNNPLUG_TRACEBACK", "") in ("", "0"):
        return "; SNNPLUG_TRACEBACK=1 in the environment shows the traceback"
    return f"\n{details.rstrip()}"


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
def main() -> None:
    """Compose whatever spiking-network methods are installed into experiments."""
