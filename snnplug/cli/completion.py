"""What Tab offers: commands and options by click itself, the rest by what a parameter is called.

Loaded only where a shell asks. bash splits words at `=` and `:`, which keys and qualified names hold, so it
is asked for the whole line; zsh and bash are told where no space belongs behind a word.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

from snnplug.cli.keys import candidates, names_of, recipe_data
from snnplug.recipe.built_in import built_in_recipes
from snnplug.registry.kinds import KINDS
from snnplug.registry.registry import Registry

__all__ = ["complete_parameters"]

_UNFINISHED = "part"  # no space behind it
_RUN_FILES = ("resolved.json", "recipe.toml")  # what makes a folder a run directory

Completer = Callable[[click.Context, str], Iterator[CompletionItem]]


class _Completed(click.ParamType):  # type: ignore[type-arg]  # generic only in newer versions of click
    """A parameter of which only the completion is asked."""

    name = "text"

    def __init__(self, completer: Completer) -> None:
        self.completer = completer

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        try:
            return list(self.completer(ctx, incomplete))
        except Exception:  # a Tab is no place for a message
            return []


def _recipes(ctx: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    yield from _built_in(ctx, incomplete)
    yield from _paths(incomplete, lambda path: path.suffix == ".toml")


def _built_in(ctx: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    for name, summary in built_in_recipes().items():
        if name.startswith(incomplete):
            yield CompletionItem(name, help=summary)


def _runs(ctx: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    return _paths(incomplete, lambda path: any((path / name).is_file() for name in _RUN_FILES))


def _paths(incomplete: str, wanted: Callable[[Path], bool]) -> Iterator[CompletionItem]:
    """Yield what is wanted of the folder that is being typed, and the folders that may hold more."""
    around, _, beginning = incomplete.rpartition("/")
    folder = Path(f"{around}/" if "/" in incomplete else ".").expanduser()
    before = incomplete[: len(incomplete) - len(beginning)]
    for path in sorted(folder.iterdir()):
        if not path.name.startswith(beginning) or (path.name.startswith(".") and not beginning):
            continue
        if wanted(path):
            yield CompletionItem(before + path.name)
        elif path.is_dir():
            yield CompletionItem(f"{before}{path.name}/", type=_UNFINISHED)


def _overrides(ctx: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    recipe, origin = ctx.params.get("recipe"), ctx.params.get("origin")
    source = os.path.join(origin, "recipe.toml") if origin else recipe
    data = recipe_data(source, ctx.params.get("overrides") or ())
    for found in candidates(incomplete, data, Registry.from_installed(quiet=True)):
        yield CompletionItem(found.text, type="plain" if found.ends else _UNFINISHED, help=found.help or None)


def _kinds(ctx: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    for kind in KINDS.values():
        if kind.name.startswith(incomplete):
            yield CompletionItem(kind.name, help=kind.contract)


def _names(ctx: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    """Yield names of the kind that was typed before."""
    yield from _names_of(ctx.params.get("kind") or "")(ctx, incomplete)


def _names_of(kind: str) -> Completer:
    def names(ctx: click.Context, incomplete: str) -> Iterator[CompletionItem]:
        for choices in names_of(kind, Registry.from_installed(quiet=True)):
            found = [name for name in choices if name.startswith(incomplete)]
            yield from (CompletionItem(name, help=choices[name]) for name in found)
            if found:
                return  # qualified names where no short one fits

    return names


_BY_NAME: dict[str, Completer] = {  # a parameter as a command's function calls it, of any command
    "recipe": _recipes,
    "overrides": _overrides,
    "kind": _kinds,
    "directory": _runs,
    "directories": _runs,
    "resumed": _runs,
    "origin": _runs,
    "benchmark": _names_of("benchmark"),
    "scorers": _names_of("scorer"),
    "trackers": _names_of("tracker"),
    "data": _names_of("dataset"),
    "coding": _names_of("neuron"),
}
_BY_COMMAND: dict[tuple[str, str], Completer] = {
    ("show", "name"): _names,
    ("recipes", "name"): _built_in,
}


def complete_parameters(name: str, command: click.Command) -> None:
    """Let a command's parameters be completed."""
    for parameter in command.params:
        completer = _BY_COMMAND.get((name, parameter.name or ""), _BY_NAME.get(parameter.name or ""))
        if completer is not None:
            parameter.type = _Completed(completer)


class _Completes(ShellComplete):
    """What all shells have in common."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        group: Any = self.cli
        name = next((arg for arg in args if not arg.startswith("-")), None)
        command = group.get_command(None, name) if name else None
        if command is not None:
            complete_parameters(str(name), command)
        return super().get_completions(args, incomplete)


@add_completion_class
class _Bash(_Completes, BashComplete):
    source_template = """\
%(complete_func)s() {
    local IFS=$'\\n' response
    response=$(env COMP_WORDS="${COMP_LINE:0:$COMP_POINT}" COMP_BREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete $1)
    for completion in $response; do
        IFS=',' read -r type value <<< "$completion"
        [[ $type == part ]] && compopt -o nospace
        COMPREPLY+=("$value")
    done
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)
        self._incomplete = "" if line[-1:].isspace() or len(words) < 2 else words.pop()
        return words[1:], self._incomplete

    def format_completion(self, item: CompletionItem) -> str:
        breaks = [self._incomplete.rfind(one) for one in "=:" if one in os.environ.get("COMP_BREAKS", "")]
        return f"{item.type},{item.value[max([-1, *breaks]) + 1 :]}"  # bash has the rest already


@add_completion_class
class _Zsh(_Completes, ZshComplete):
    source_template = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a response finished parts
    (( $+commands[%(prog_name)s] )) || return 1
    response=("${(@f)$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \\
        %(complete_var)s=zsh_complete %(prog_name)s)}")
    for type key descr in ${response}; do
        if [[ $type == part ]]; then
            parts+=("$key")
        elif [[ $descr == _ ]]; then
            finished+=("${key//:/\\\\:}")
        else
            finished+=("$key:$descr")
        fi
    done
    (( $#finished )) && _describe -V unsorted finished -U
    (( $#parts )) && compadd -U -S '' -V parts -a parts
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

    def format_completion(self, item: CompletionItem) -> str:
        if item.type == _UNFINISHED:
            return f"{item.type}\n{item.value}\n_"
        return super().format_completion(item)


@add_completion_class
class _Fish(_Completes, FishComplete):
    def format_completion(self, item: CompletionItem) -> str:
        plain = CompletionItem(item.value, help=item.help)  # fish puts no space behind `=`, `.` and `/`
        return super().format_completion(plain)
