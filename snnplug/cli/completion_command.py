"""`snnplug completion SHELL`: the script that makes Tab complete commands, names and keys."""

from __future__ import annotations

import click

__all__ = ["command"]

_PLACES = {
    "bash": ["snnplug completion bash > ~/.local/share/bash-completion/completions/snnplug"],
    "zsh": [
        "snnplug completion zsh > ~/.zfunc/_snnplug",
        "and once in ~/.zshrc: fpath+=~/.zfunc; autoload -Uz compinit; compinit",
    ],
    "fish": ["snnplug completion fish > ~/.config/fish/completions/snnplug.fish"],
}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(_PLACES)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print a script for SHELL (bash, zsh or fish) that completes commands, names, keys and run directories.

    Its first lines say where to put it.
    """
    from click.shell_completion import get_completion_class

    import snnplug.cli.completion  # noqa: F401 - registers what get_completion_class finds

    found = get_completion_class(shell)
    assert found is not None  # the choice names no other shell
    script = found(ctx.find_root().command, {}, "snnplug", "_SNNPLUG_COMPLETE").source()
    lines = script.splitlines()
    where = ["# Put this where your shell finds it, and open a new one:"]
    where += [f"#   {line}" for line in _PLACES[shell]]
    top = int(lines[0].startswith("#"))  # zsh wants its own line first
    click.echo("\n".join([*lines[:top], *where, *lines[top:]]))
