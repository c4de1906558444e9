"""What help texts name is there: commands, and `snnplug list` as they quote it."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner

from snnplug.cli import main
from snnplug.cli.main import COMMANDS

QUOTED = re.compile(r"\bsnnplug ([a-z][a-z-]*)\b(?! of\b)")
LISTS = re.compile(r"snnplug (list(?: --?[\w-]+(?: [a-z_]+)?)*(?: [a-z_]+)??)(?= says)")


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_that_a_help_text_quotes_are_there(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None and command.help
    for quoted in QUOTED.findall(command.help):
        assert quoted in COMMANDS, f"snnplug {name} --help quotes snnplug {quoted}"
    for asked in LISTS.findall(command.help):
        done = CliRunner().invoke(main, asked.split())
        assert done.exit_code == 0, f"snnplug {name} --help quotes snnplug {asked}: {done.output}"


def test_lists_are_found() -> None:
    texts = [main.get_command(click.Context(main), name).help for name in ("export", "lint")]
    assert [LISTS.findall(text) for text in texts] == [["list --kind exporter"], ["list --kind chip"]]
    assert LISTS.findall("snnplug list exporter says which") == ["list exporter"]
